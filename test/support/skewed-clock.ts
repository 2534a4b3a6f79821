import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const LIBRARIES = '/usr/lib';

function findLibrary(): string | undefined {
  if (!existsSync(LIBRARIES)) return undefined;
  return readdirSync(LIBRARIES).map((triplet) => join(LIBRARIES, triplet, 'faketime/libfaketimeMT.so.1')).find((path) => existsSync(path));
}

const library = findLibrary();

/** Said by tests that are skipped without it. */
export const NO_FAKETIME = library === undefined ? ': skipped, there is no libfaketime (apt-get install faketime)' : '';
export const canSkewClocks = library !== undefined;

/**
 * The environment of a process on a machine whose clock is ahead by so much. All of it sees that time: V8, its worker threads and native code. What
 * counts durations goes on as it is, as on such a machine.
 */
export function clockAhead(aheadMs: number): Record<string, string> {
  if (library === undefined) throw new Error('there is no libfaketime');
  return { LD_PRELOAD: library, FAKETIME: `${aheadMs < 0 ? '-' : '+'}${Math.abs(aheadMs) / 1_000}`, FAKETIME_DONT_FAKE_MONOTONIC: '1' };
}

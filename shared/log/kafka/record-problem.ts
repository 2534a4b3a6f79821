import { TandemError } from '../../errors/index.ts';
import type { OutgoingRecord } from '../types.ts';

/** What the types forbid is found before it fails for the whole request. */
export function problemOf({ topic, value, headers }: OutgoingRecord): TandemError | undefined {
  const refuse = (what: string): TandemError => new TandemError(`A record for topic "${topic}" ${what}.`, { code: 'invalid_record' });
  if (value === undefined) return refuse('has no value; null is a tombstone');
  for (const name in headers) if (typeof headers[name] !== 'string') return refuse(`has a header "${name}" that is no string`);
  return undefined;
}

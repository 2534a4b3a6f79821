import { setTimeout as delay } from 'node:timers/promises';

export interface UntilOptions {
  /** @default 30000 */
  timeoutMs?: number;
  /** @default 10 */
  everyMs?: number;
  /** Shown when time runs out. */
  what?: string | (() => string);
}

/** Waits for a condition; throws when it does not come true in time. */
export async function until(condition: () => boolean | Promise<boolean>, options: UntilOptions = {}): Promise<void> {
  const { timeoutMs = 30_000, everyMs = 10, what = 'the condition' } = options;
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${typeof what === 'string' ? what : what()}`);
    await delay(everyMs);
  }
}

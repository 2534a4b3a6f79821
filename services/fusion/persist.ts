import { wait, type Clock } from '@tandem/shared/clock';

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

export interface PersistOptions {
  clock: Clock;
  /** Aborts when the result is wanted no more. */
  signal: AbortSignal;
  /** A try has failed, and another follows. */
  onFault: (error: unknown) => void;
}

/** The result of the first try that succeeds, with growing pauses between them; undefined once the signal aborts. */
export async function persist<Value>(operation: () => Promise<Value>, { clock, signal, onFault }: PersistOptions): Promise<Value | undefined> {
  for (let failures = 0; !signal.aborted; failures += 1) {
    try {
      return await operation();
    } catch (error) {
      if (signal.aborted) return undefined;
      onFault(error);
      await wait(clock, pauseMs(failures));
    }
  }
  return undefined;
}

/** Before the next try, after so many failures before this one. */
export function pauseMs(failures: number): number {
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures);
}

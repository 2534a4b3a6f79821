const FIRST_MS = 50;
const LONGEST_MS = 5_000;

/** Exponential delays with full jitter above half, so that many clients do not come back at once. */
export class Backoff {
  #attempt = 0;

  nextMs(): number {
    const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#attempt++);
    return ceiling * (0.5 + Math.random() / 2);
  }

  reset(): void {
    this.#attempt = 0;
  }
}

/** Resolves after the delay, or at once when the signal aborts. */
export function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, delayMs);
    signal.addEventListener('abort', finish);
  });
}

export interface PersistOptions {
  /** The last try begins before this is over. */
  timeoutMs: number;
  signal: AbortSignal;
  /** Tells the errors that no waiting mends. @default none */
  isFinal?: (error: unknown) => boolean;
}

/** Repeats an operation with backoff until it succeeds; throws its error when it is final or time is up. */
export async function persist<Value>(operation: () => Promise<Value>, { timeoutMs, signal, isFinal }: PersistOptions): Promise<Value> {
  const deadline = Date.now() + timeoutMs;
  const backoff = new Backoff();
  for (;;) {
    try {
      return await operation();
    } catch (error) {
      if (isFinal?.(error) === true || Date.now() > deadline || signal.aborted) throw error;
      await pause(backoff.nextMs(), signal);
    }
  }
}

/** The promise's result, or undefined when it takes longer. */
export async function within<Value>(promise: Promise<Value>, limitMs: number): Promise<Value | undefined> {
  const timeout = new AbortController();
  try {
    return await Promise.race([promise, pause(limitMs, timeout.signal).then(() => undefined)]);
  } finally {
    timeout.abort();
  }
}

/** Package runners pass a signal on that the terminal has sent already: what follows this soon is the same one. */
const SAME_SIGNAL_MS = 1_000;
const ENDED_BY_SIGNAL = 130;

/**
 * Resolves with the name of the first SIGINT or SIGTERM; a later one ends the process at once. A process that another
 * one supervises (over an IPC channel) also takes its supervisor's end for a SIGTERM, so that it is never orphaned.
 */
export function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let firstAt = Infinity;
    const onSignal = (signal: NodeJS.Signals) => {
      if (performance.now() - firstAt > SAME_SIGNAL_MS) process.exit(ENDED_BY_SIGNAL);
      firstAt = Math.min(firstAt, performance.now());
      resolve(signal);
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
    process.once('disconnect', () => onSignal('SIGTERM'));
    process.channel?.unref();
  });
}

/** Aborted by the first SIGINT or SIGTERM, for what ends in order by itself. */
export function abortedBySignal(): AbortSignal {
  const controller = new AbortController();
  void untilSignal().then(() => controller.abort());
  return controller.signal;
}

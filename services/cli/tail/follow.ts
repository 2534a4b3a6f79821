import type { EventLog, LogRecord, ReadOptions } from '@tandem/shared/log';

export type Start = 'earliest' | 'latest' | { timestamp: number };

export interface FollowOptions {
  log: EventLog;
  topic: string;
  start: Start;
  /** @default all */
  partition?: number | undefined;
  /** Ends when it has read what was there at the beginning. @default false */
  untilEnd?: boolean;
  signal: AbortSignal;
  /** Between looks at a topic that has nothing new, ms. @default 200 */
  pauseMs?: number;
}

const PAUSE_MS = 200;

/** Where the next read of a partition begins. */
type Position = { offset: number } | { timestamp: number };

/**
 * A topic's records from somewhere on, as they come, in batches of one partition, without a group. What is read waits for
 * whoever takes it, so nothing piles up.
 */
export async function* follow({ log, topic, start, partition: only, untilEnd = false, signal, pauseMs = PAUSE_MS }: FollowOptions): AsyncGenerator<readonly LogRecord[]> {
  const positions = new Map<number, Position>();
  for (let first = true; !signal.aborted; first = false) {
    const ends = await log.admin.offsets(topic);
    let any = false;
    for (const { partition, earliest, latest } of ends.filter((end) => only === undefined || end.partition === only)) {
      const from = positions.get(partition) ?? firstPosition(first ? start : 'earliest', earliest, latest);
      positions.set(partition, { offset: latest });
      if ('offset' in from && from.offset >= latest) continue;
      any = true;
      const range: ReadOptions = { topic, partition, from, to: latest, signal };
      for await (const records of log.read(range)) yield records;
    }
    if (untilEnd && first) return;
    if (!any) await pause(pauseMs, signal);
  }
}

/** A partition that is new has nothing but what came since. */
function firstPosition(start: Start, earliest: number, latest: number): Position {
  if (typeof start === 'object') return start;
  return { offset: start === 'latest' ? latest : earliest };
}

function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, durationMs);
    signal.addEventListener('abort', done);
  });
}

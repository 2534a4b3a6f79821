import { TandemError } from '@tandem/shared/errors';
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
  /** Once for each time that the broker goes away; it is asked again. Away at the beginning is an error. @default nobody is told */
  onAway?: (error: TandemError) => void;
}

const PAUSE_MS = 200;

/** Where the next read of a partition begins. */
type Position = { offset: number } | { timestamp: number };

/**
 * A topic's records from somewhere on, as they come, in batches of one partition, without a group. What is read waits for
 * whoever takes it, so nothing piles up.
 */
export async function* follow({ log, topic, start, partition: only, untilEnd = false, signal, pauseMs = PAUSE_MS, onAway }: FollowOptions): AsyncGenerator<readonly LogRecord[]> {
  const positions = new Map<number, Position>();
  let ends: Ends | TandemError | undefined;
  for (let first = true; !signal.aborted; first = false) {
    const before = ends;
    ends = await endsOf(log, topic);
    if (ends instanceof TandemError) {
      if (first) throw ends;
      if (!(before instanceof TandemError)) onAway?.(ends);
      await pause(pauseMs, signal);
      continue;
    }
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

type Ends = Awaited<ReturnType<EventLog['admin']['offsets']>>;

/** An error is one that may pass. */
async function endsOf(log: EventLog, topic: string): Promise<Ends | TandemError> {
  try {
    return await log.admin.offsets(topic);
  } catch (error) {
    if (error instanceof TandemError && error.retryable) return error;
    throw error;
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

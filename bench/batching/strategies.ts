import { BATCH_LIMITS, BatchQueue, BatchTimeModel, formBatch, lengthBucket } from '@tandem/shared/core';

export interface ArrivingRequest {
  /** Virtual ms. */
  at: number;
  /** Items of history. */
  length: number;
  deadlineAt: number;
}

/** How requests become batches. */
export interface Strategy {
  add(request: ArrivingRequest): void;
  /** What a free session should run now; undefined: nothing, or nothing before `waitUntil`. */
  next(now: number): { batch?: readonly ArrivingRequest[] | undefined; waitUntil?: number | undefined };
  ran(batch: readonly ArrivingRequest[], ms: number, now: number): void;
}

export interface FixedWindowOptions {
  maxBatchSize: number;
  /** From the oldest request's arrival. */
  windowMs: number;
  /** Whether requests past their deadline are dropped unseen, as Triton does with a queue timeout. */
  drops: boolean;
}

/** First come, first served: a batch goes when it is full or its oldest request has waited for the window. */
export function fixedWindow({ maxBatchSize, windowMs, drops }: FixedWindowOptions): Strategy {
  let queue: ArrivingRequest[] = [];
  let head = 0;
  return {
    add: (request) => void queue.push(request),
    next(now) {
      while (drops && (queue[head]?.deadlineAt ?? Infinity) <= now) head += 1;
      const oldest = queue[head];
      if (oldest === undefined) return {};
      const waitUntil = oldest.at + windowMs;
      if (queue.length - head < maxBatchSize && waitUntil > now) return { waitUntil };
      const batch = queue.slice(head, head + maxBatchSize);
      head += batch.length;
      if (head > 10_000) [queue, head] = [queue.slice(head), 0];
      return { batch };
    },
    ran: () => undefined,
  };
}

/** The worker's own core, with what it learns of the batches' times. */
export function continuous(sessions: number): Strategy {
  const queue = new BatchQueue<ArrivingRequest>();
  const times = new BatchTimeModel();
  const groupOf = ({ length }: ArrivingRequest) => String(lengthBucket(length));
  return {
    add: (request) => void queue.add({ payload: request, group: groupOf(request), lane: 'interactive', deadlineAt: request.deadlineAt, enqueuedAt: request.at }),
    next(now) {
      const { batch, waitUntil } = formBatch(queue, { now, startsAt: now, sessions, times, limits: BATCH_LIMITS });
      return { batch: batch?.work.map(({ payload }) => payload), waitUntil };
    },
    ran: (batch, ms, now) => times.observe(groupOf(batch[0]!), batch.length, ms, now),
  };
}

import type { Clock } from '@tandem/shared/clock';

/** Decides when each of `total` requests is sent. */
export interface Pacer {
  start(): void;
  /** Tells that one more request has its answer. */
  answered(): void;
  stop(): void;
  readonly allSent: boolean;
}

/** @param dueAt when the request was to be sent, epoch ms: latencies count from there */
export type SendNext = (index: number, dueAt: number) => void;

interface PacerOptions {
  total: number;
  clock: Clock;
  send: SendNext;
}

/**
 * Open loop: requests leave by schedule, however slow the answers are, as independent users' do. A late send
 * counts as latency of the request (no coordinated omission).
 * @param dueAfterMs by index, ascending, from the start
 */
export function openLoop({ total, clock, send, dueAfterMs }: PacerOptions & { dueAfterMs: (index: number) => number }): Pacer {
  let next = 0;
  let startedAt = 0;
  let cancel = () => {};
  const step = () => {
    const now = clock.now();
    while (next < total && startedAt + dueAfterMs(next) <= now) {
      send(next, startedAt + dueAfterMs(next));
      next += 1;
    }
    if (next < total) cancel = clock.schedule(startedAt + dueAfterMs(next), step);
  };
  return {
    start() {
      startedAt = clock.now();
      step();
    },
    answered: () => undefined,
    stop: () => cancel(),
    get allSent() {
      return next === total;
    },
  };
}

/** Closed loop: always as many requests outstanding as allowed; an answer lets the next one go. */
export function closedLoop({ total, clock, send, maxOutstanding }: PacerOptions & { maxOutstanding: number }): Pacer {
  let next = 0;
  let outstanding = 0;
  let stopped = false;
  const fill = () => {
    while (!stopped && next < total && outstanding < maxOutstanding) {
      outstanding += 1;
      next += 1;
      send(next - 1, clock.now());
    }
  };
  return {
    start: fill,
    answered() {
      outstanding -= 1;
      fill();
    },
    stop() {
      stopped = true;
    },
    get allSent() {
      return next === total;
    },
  };
}

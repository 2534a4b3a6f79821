const AT_LEAST_ONCE_MS = 5;
/** Beside the interval between transactions: to write one, and to send. */
const EXACTLY_ONCE_MS = 25;
/** However long the way back has lately been, a worker has this share of the time that is left: else after one long stall nothing would be tried, and nothing correct it. */
const LEAST_TO_WORK = 0.5;

/** How responses are given; what fusion needs at the end of a request's time follows from it. */
export interface Delivery {
  /** @default 'at-least-once' */
  delivery?: 'at-least-once' | 'exactly-once';
  /** @default 50 */
  transactionIntervalMs?: number;
}

/** So long before its deadline fusion answers a request with what there is, so that the answer arrives by it, ms. */
export function answerMarginMs({ delivery = 'at-least-once', transactionIntervalMs = 50 }: Delivery = {}): number {
  return delivery === 'exactly-once' ? EXACTLY_ONCE_MS + transactionIntervalMs : AT_LEAST_ONCE_MS;
}

/**
 * From when on fusion takes no more results for a request, epoch ms; Infinity: it has no deadline. Whatever is decided, queued, batched or joined for it
 * looks at this one time, or at what follows from it.
 */
export function closesAt({ deadlineAt }: { deadlineAt: number | null }, marginMs: number): number {
  return deadlineAt === null ? Infinity : deadlineAt - marginMs;
}

/**
 * By when a worker has to be through with a piece of work, epoch ms: its result then still needs the way back.
 * @param closes as `closesAt` says
 * @param backMs from the end of a batch until its outcome is heard of, as measured
 */
export function dueAt(closes: number, backMs: number, now: number): number {
  return closes - Math.min(backMs, (1 - LEAST_TO_WORK) * Math.max(0, closes - now));
}

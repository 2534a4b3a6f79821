import { errorOfCode } from './kafkajs-internals.ts';

/** What an error code means for a transaction. */
type Verdict =
  /** The one before it is being settled still. */
  | 'busy'
  /** Somewhere else, or later. */
  | 'transient'
  /** Another writer has been opened. */
  | 'fenced'
  | 'too_large'
  | 'refused'
  | 'unknown_topic'
  /** What the broker knows of this writer and what it knows itself have come apart. */
  | 'lost';

// Source: https://kafka.apache.org/protocol#protocol_error_codes
// INVALID_RECORD (87): a broker was seen to answer so to a good batch of a writer that had just been opened, and to go on with that; a new writer helps.
const VERDICTS: Readonly<Record<number, Verdict>> = {
  3: 'unknown_topic',
  10: 'too_large',
  17: 'refused',
  18: 'too_large',
  29: 'refused',
  31: 'refused',
  32: 'refused',
  44: 'refused',
  45: 'lost',
  47: 'fenced',
  48: 'fenced',
  49: 'lost',
  50: 'refused',
  51: 'busy',
  53: 'refused',
  59: 'lost',
  67: 'lost',
  87: 'lost',
  90: 'fenced',
  120: 'lost',
};
const SUCCESSES: ReadonlySet<number> = new Set([0, 46]);

/** A broker's answer that is an error. */
export class TransactionFailure extends Error {
  readonly verdict: Verdict;
  readonly topic: string;

  constructor(code: number, what: string, topic = '') {
    const cause = errorOfCode(code);
    super(`${what}: ${cause.message}`, { cause });
    this.name = 'TransactionFailure';
    this.topic = topic;
    this.verdict = VERDICTS[code] ?? 'transient';
  }
}

/** Nothing where the code is a success; a duplicate sequence number says that the records are there already. */
export function failureOf(code: number | undefined, what: string, topic?: string): TransactionFailure | undefined {
  return code !== undefined && SUCCESSES.has(code) ? undefined : new TransactionFailure(code ?? -1, what, topic);
}

/** The verdict on whatever went wrong: without an answer it is worth another try. */
export function verdictOn(error: unknown): Verdict {
  return error instanceof TransactionFailure ? error.verdict : 'transient';
}

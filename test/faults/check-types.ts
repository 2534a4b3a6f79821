/** A request that was sent and acknowledged by the broker, with what its answer must look like. */
export interface SentRequest {
  requestId: string;
  workload: string;
  userId: string;
  lane: 'interactive' | 'bulk';
  /** Milliseconds from the broker's append; null: none. */
  deadlineMs: number | null;
  /** Its workload promises responses of one user in the order of the requests. */
  ordered: boolean;
  /** It asked for provisional answers. */
  provisional?: boolean;
  /** At most so many items, if the answer has items. */
  limit?: number;
  /** The answer's items must be among these. */
  candidates?: readonly string[];
}

/** Where a request lies in the log. The same id at a second position is a repeated one. */
export interface AppendedRequest {
  requestId: string;
  /** `topic/partition/offset` */
  source: string;
  /** Broker's append time, epoch ms. */
  appendedAt: number;
  /** Position among the records of its partition. */
  offset: number;
}

/** What a reader of committed records sees. */
export interface SeenResponse {
  requestId: string;
  workload: string;
  userId?: string | undefined;
  status: string;
  reason?: string | undefined;
  code?: string | undefined;
  final: boolean;
  /** Its header says that it is not final. */
  marked?: boolean | undefined;
  /** Headers, where the writer sets them. */
  headerRequestId?: string | undefined;
  source?: string | undefined;
  partition: number;
  offset: number;
  /** Broker's append time, epoch ms. */
  appendedAt: number;
  /** Ids of the result, where it is a list of items. */
  items?: readonly string[] | undefined;
}

export interface SeenDeadLetter {
  /** Where it could be read from the original bytes. */
  requestId?: string | undefined;
  stage: string;
  code: string;
  /** `topic/partition/offset` of the record that it is about; dead letters are written at least once. */
  source: string;
}

export interface Evidence {
  sent: readonly SentRequest[];
  appended: readonly AppendedRequest[];
  responses: readonly SeenResponse[];
  deadLetters: readonly SeenDeadLetter[];
}

export interface CheckOptions {
  /** A response may be appended so long after its deadline and is not late: the bound that the product states, ms. */
  lateBoundMs: number;
}

export type ViolationKind = 'lost' | 'doubled' | 'outOfOrder' | 'late' | 'wrong';

export interface Violation {
  kind: ViolationKind;
  requestId: string;
  /** What it is counted under, such as `no trace` or `dead letter: worker/internal`. */
  cause: string;
  detail: string;
  /** Of `doubled`: when the response that it repeats, and it itself, were appended, epoch ms. */
  answeredAt?: readonly number[];
}

export interface CheckReport {
  requests: number;
  answered: number;
  violations: readonly Violation[];
  /** Requests that got provisional answers before their final one. */
  provisional: number;
  /** Requests by kind of violation; for `doubled`, responses too many: final ones, and provisional ones behind the final one. */
  counts: Record<ViolationKind, number>;
  /** Per kind, by cause. */
  causes: Record<ViolationKind, Record<string, number>>;
  /** First final responses by `status`, `status: reason` or `status: reason, code`. */
  answers: Record<string, number>;
  /** By `stage/code`; repetitions of one are left out. */
  deadLetters: Record<string, number>;
  /** The longest time between a deadline and its response's append; 0 where all came before. */
  worstLatenessMs: number;
  /** Responses appended after their deadline at all, within the bound or not. */
  afterDeadline: number;
}

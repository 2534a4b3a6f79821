import type { ErrorCode, GatewayCode, Response } from '@tandem/schemas';

export type ProblemCode = ErrorCode | GatewayCode;

/** HTTP status by code. Codes that only dead letters carry are not here: nobody is told them. */
const STATUS: Readonly<Record<ProblemCode, number>> = {
  unreadable_batch: 400, invalid_encoding: 400, invalid_json: 400, empty_value: 400, invalid_request: 400, invalid_interaction: 400, too_deep: 400, too_many_fields: 400,
  unsupported_schema_version: 400, invalid_tensor: 400, unauthenticated: 401, forbidden: 403, unknown_workload: 404, unknown_model: 404,
  unknown_request: 404, not_found: 404, request_timeout: 408, duplicate_request: 409, cancelled: 409, idempotency_conflict: 409, too_large: 413,
  unsupported_media_type: 415, invalid_input: 422, unknown_item: 422, rate_limited: 429, headers_too_large: 431, internal: 500, invalid_record: 500,
  not_supported: 501, step_failed: 502, model_crash: 502, overload: 503, quota_exceeded: 429, no_variant: 503, variant_unavailable: 503, log_unavailable: 503, draining: 503,
  expired: 504, no_answer: 504,
};

const TITLES: Readonly<Partial<Record<ProblemCode, string>>> = {
  unauthenticated: 'A valid credential is needed', forbidden: 'Not allowed', rate_limited: 'Too many calls', not_found: 'There is nothing here',
  overload: 'More work than can be done in time', no_answer: 'No response in time', draining: 'This gateway is going away', internal: 'A defect of Tandem',
};

export interface ProblemOptions {
  detail: string;
  requestId?: string | undefined;
  /** The whole response, where there is one. */
  response?: Response;
  retryAfterSeconds?: number;
  /** More headers. */
  headers?: Readonly<Record<string, string>>;
}

/** The body of an error, RFC 9457. `error` repeats the detail: that is where clients of the Open Inference Protocol look. */
export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ProblemCode;
  error: string;
  requestId?: string;
  response?: Response;
}

/** A call that ends in an error; the error handler writes it. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly options: ProblemOptions;

  constructor(code: ProblemCode, options: ProblemOptions) {
    super(options.detail);
    this.name = 'Problem';
    this.code = code;
    this.options = options;
  }

  get status(): number {
    return STATUS[this.code];
  }

  get body(): ProblemBody {
    const { detail, requestId, response } = this.options;
    return {
      type: `urn:tandem:problem:${this.code}`,
      title: TITLES[this.code] ?? this.code.replaceAll('_', ' '),
      status: this.status,
      detail,
      code: this.code,
      error: detail,
      ...(requestId === undefined ? {} : { requestId }),
      ...(response === undefined ? {} : { response }),
    };
  }

  get headers(): Readonly<Record<string, string>> {
    const { retryAfterSeconds, headers = {} } = this.options;
    return retryAfterSeconds === undefined ? headers : { ...headers, 'retry-after': String(retryAfterSeconds) };
  }
}

import type { ErrorCode } from '@tandem/schemas';

/** What programs go by; the message is for people. */
export interface TandemErrorOptions {
  /** Stable, for programs. Set-up errors use their own codes, record errors those of the schemas. */
  code: string;
  /** Whether the same call may succeed later. @default false */
  retryable?: boolean;
  cause?: unknown;
}

/** The root of every error that Tandem throws on purpose. The message says what to do. */
export class TandemError extends Error {
  readonly code: string;
  readonly retryable: boolean;

  constructor(message: string, { code, retryable = false, cause }: TandemErrorOptions) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = retryable;
  }
}

/** One record cannot be handled; the partition goes on. The runner writes it to the dead letters. */
export class RecordError extends TandemError {
  declare readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, { code, cause });
  }
}

/** Whether the same may succeed later, as the error itself says; what is not a TandemError may not. */
export function isRetryable(error: unknown): boolean {
  return error instanceof TandemError && error.retryable;
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

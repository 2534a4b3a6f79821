import { requestIdSchema, type ErrorCode } from '@tandem/schemas';
import { affinityKey, readRequest, type SensingLimits } from '@tandem/shared/core';
import type { Line } from './line-reader.ts';

/** What an input line turned out to be. */
export type ParsedLine =
  | { kind: 'request'; requestId: string; key: string; value: Buffer }
  | { kind: 'bad'; code: ErrorCode; message: string }
  | { kind: 'blank' };

export interface ParseOptions {
  job: string;
  limits: SensingLimits;
  /** Put behind every request id. */
  idSuffix: string;
  /** Leave out `hints.deadlineMs`. */
  dropDeadlines?: boolean;
}

interface Draft {
  requestId?: unknown;
  hints?: { deadlineMs?: unknown };
}

/** A valid line keeps its bytes, unless an id has to be filled in or altered: `<job>-<line>` where there is none. */
export function parseLine({ number, bytes }: Line, options: ParseOptions): ParsedLine {
  if (bytes === undefined) return tooLong(options);
  if (isBlank(bytes)) return { kind: 'blank' };
  const value = prepared(bytes, number, options);
  const { request, error } = readRequest({ value, headers: {} }, options.limits);
  if (request === undefined) return { kind: 'bad', code: error?.code ?? 'invalid_request', message: error?.message ?? 'not a request' };
  return { kind: 'request', requestId: request.requestId, key: affinityKey(request), value };
}

function tooLong({ limits }: ParseOptions): ParsedLine {
  return { kind: 'bad', code: 'too_large', message: `the line is longer than the ${limits.maxBytes} bytes that a request may have` };
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 32 || byte === 13 || byte === 9);
}

function prepared(bytes: Buffer, number: number, { job, idSuffix, dropDeadlines = false }: ParseOptions): Buffer {
  const draft = asObject(bytes);
  if (draft === undefined) return bytes;
  const given = draft.requestId;
  const filled = given === undefined ? `${job}-${number}` : given;
  const named = typeof filled === 'string' && requestIdSchema.safeParse(filled).success ? filled + idSuffix : filled;
  const hasDeadline = dropDeadlines && draft.hints?.deadlineMs !== undefined;
  if (named === given && !hasDeadline) return bytes;
  const hints = hasDeadline ? { hints: { ...draft.hints, deadlineMs: undefined } } : {};
  return Buffer.from(JSON.stringify({ ...draft, requestId: named, ...hints }));
}

function asObject(bytes: Buffer): Draft | undefined {
  try {
    const value = JSON.parse(bytes.toString('utf8')) as unknown;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

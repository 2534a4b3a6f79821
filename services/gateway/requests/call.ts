import type { FastifyReply, FastifyRequest } from 'fastify';
import { HEADER } from '@tandem/schemas';
import type { Headers } from '@tandem/shared/log';
import type { RecordSpan } from '@tandem/shared/telemetry';
import type { GatewayContext } from '../context.ts';
import { Problem } from '../problems/problem.ts';
import type { Call } from './prepare.ts';

/** One value of a header that may be given once. */
export function headerOf({ headers }: FastifyRequest, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Of a line of a batch, where a call has its route. */
const LINE = '/v1/requests:batch#line';

export interface TracedCall {
  call: Call;
  /** Undefined: there is no trace to be a part of. */
  span: RecordSpan | undefined;
}

/** What the headers of a call say, and its span, of which the record's trace is a part. */
export function callOf(request: FastifyRequest, { tracing }: GatewayContext): TracedCall {
  const incoming = traceOf(request);
  const span = tracing.start('gateway', request.routeOptions.url ?? 'unknown', incoming);
  const call = { credential: request.credential, idempotencyKey: headerOf(request, 'idempotency-key'), trace: { ...incoming, ...span?.headers } };
  return { call, span };
}

/**
 * One line of a batch as a call: its trace is its own, or its sender's, as if it had come alone, and is linked to the batch's span. No child of
 * that: it would have to be kept until a batch ends that may never.
 */
export function callOfLine(request: FastifyRequest, batch: TracedCall, { tracing }: GatewayContext): TracedCall {
  if (!tracing.isOn) return batch;
  const incoming = traceOf(request);
  const span = tracing.start('gateway', LINE, incoming);
  if (batch.span?.recording === true) span?.link(batch.span.context);
  return { call: { ...batch.call, trace: { ...incoming, ...span?.headers } }, span };
}

/** Ends the span with what is done, or fails, meanwhile. */
export async function during<Result>(span: RecordSpan | undefined, work: () => Promise<Result>): Promise<Result> {
  try {
    const result = await work();
    span?.end();
    return result;
  } catch (error) {
    span?.end(error);
    throw error;
  }
}

function traceOf(request: FastifyRequest): Headers {
  const entries = [HEADER.traceparent, HEADER.tracestate].map((name) => [name, headerOf(request, name)] as const);
  // Longer than any valid one is somebody's attempt.
  return Object.fromEntries(entries.filter((entry): entry is [typeof entry[0], string] => entry[1] !== undefined && entry[1].length <= 512));
}

/** What a caller prefers, RFC 7240. */
export interface Preference {
  /** Answered at once: 202. */
  async: boolean;
  /** Answered 202 after so long, ms. */
  waitMs: number | undefined;
}

/** @throws {Problem} `invalid_request`: `wait` that is no number of seconds */
export function preferenceOf(request: FastifyRequest): Preference {
  const parts = (headerOf(request, 'prefer') ?? '').split(/[,;]/).map((part) => part.trim().toLowerCase());
  const wait = parts.find((part) => part.startsWith('wait='))?.slice('wait='.length);
  if (wait !== undefined && !/^\d{1,5}$/.test(wait)) throw new Problem('invalid_request', { detail: 'Prefer: wait takes whole seconds.' });
  return { async: parts.includes('respond-async'), waitMs: wait === undefined ? undefined : Number(wait) * 1_000 };
}

/** Aborts when the caller goes away before it has its answer. */
export function abandonment({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController();
  if (raw.destroyed) controller.abort();
  raw.once('close', () => {
    if (!raw.writableFinished) controller.abort();
  });
  return controller.signal;
}

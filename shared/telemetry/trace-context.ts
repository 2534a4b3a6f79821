import { hash } from 'node:crypto';
import { TraceFlags, createTraceState, type SpanContext } from '@opentelemetry/api';
import type { Headers } from '../log/types.ts';
import type { Ids } from './set-ids.ts';

/** W3C Trace Context, https://www.w3.org/TR/trace-context/#traceparent-header; later versions may be longer. */
const TRACEPARENT = /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(?:$|-)/;

/** Of the one version there is; what a later one says of sampling is read with all of it. */
const UNSAMPLED = /^00-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f][02468ace]$/;
const ENDS_UNSAMPLED = '-00';

/** Where a span's record stands; undefined parts are not known. */
export interface SpanOrigin {
  partition: number;
  offset: number;
  /** Epoch ms. */
  timestamp: number;
  /** Of this record, from 1: what was put off and comes again has a span for each. @default 1 */
  delivery?: number;
  /** Tells apart what one record led to in a chain, where all have its offset. @default 0 */
  ordinal?: number;
}

/** Of the sender's `traceparent` and `tracestate`; undefined where there is none that is valid. */
export function readTraceContext(headers: Headers): SpanContext | undefined {
  const match = headers['traceparent'] === undefined ? null : TRACEPARENT.exec(headers['traceparent']);
  if (match === null) return undefined;
  const [, traceId = '', spanId = '', flags = ''] = match;
  const state = headers['tracestate'];
  const sampled = (Number.parseInt(flags, 16) & TraceFlags.SAMPLED) !== 0;
  return {
    traceId, spanId, isRemote: true,
    traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    ...(state === undefined || state === '' ? {} : { traceState: createTraceState(state) }),
  };
}

/**
 * Whether whoever began the trace does not sample it: without reading the rest, .16 µs instead of .37.
 * @param isOwn this process has written or read that header already: nothing is looked at but its flags
 */
export function isUnsampled({ traceparent }: Headers, isOwn: boolean): boolean {
  if (traceparent === undefined) return false;
  return isOwn ? traceparent.endsWith(ENDS_UNSAMPLED) : UNSAMPLED.test(traceparent);
}

export function writeTraceContext({ traceId, spanId, traceFlags, traceState }: SpanContext): Headers {
  const state = traceState?.serialize() ?? '';
  const traceparent = `00-${traceId}-${spanId}-${(traceFlags & TraceFlags.SAMPLED) === 0 ? '00' : '01'}`;
  return state === '' ? { traceparent } : { traceparent, tracestate: state };
}

/**
 * The same whenever the same record is handled by the same stage: what a process that was killed had handled and not yet
 * exported is exported by whoever gets the record again, under the ids that other stages have been told already.
 */
export function idsOf(stage: string, topic: string, parent: SpanContext | undefined, origin: SpanOrigin): Ids {
  const { partition, offset, timestamp, delivery = 1, ordinal = 0 } = origin;
  // What is handed over in memory has its place below its parent; another variant may be chosen when its origin comes again.
  const read = offset < 0 && parent !== undefined ? '' : topic;
  const digest = hash('sha256', `${stage} ${read}/${partition}/${offset} ${timestamp} ${delivery} ${ordinal} ${parent?.spanId ?? ''}`, 'hex');
  return { traceId: parent?.traceId ?? traceIdOf(lotOf(origin), digest.slice(16, 40)), spanId: digest.slice(0, 16) };
}

/**
 * By which it is decided whether a trace that begins with this record is sampled: 32 bits, evenly spread over records. Samplers
 * that go by a trace's id find the same in it, see `lotOfTrace`.
 */
export function lotOf({ partition, offset, timestamp, delivery = 1, ordinal = 0 }: SpanOrigin): number {
  const place = mix(mix(mix(0, partition), offset), Math.floor(offset / 2 ** 32));
  return mix(mix(mix(mix(place, timestamp), Math.floor(timestamp / 2 ** 32)), delivery), ordinal) >>> 0;
}

/** As OpenTelemetry's samplers by ratio: all 32 bits of the id, one on the other. */
export function lotOfTrace(traceId: string): number {
  let lot = 0;
  for (let at = 0; at < traceId.length; at += 8) lot ^= Number.parseInt(traceId.slice(at, at + 8), 16);
  return lot >>> 0;
}

/** @param digits 24 of the 32; those that follow make it say the lot */
function traceIdOf(lot: number, digits: string): string {
  return digits + ((lot ^ lotOfTrace(digits)) >>> 0).toString(16).padStart(8, '0');
}

/** MurmurHash3's finalizer: https://github.com/aappleby/smhasher/wiki/MurmurHash3 */
function mix(bits: number, value: number): number {
  const first = Math.imul(bits ^ value ^ (bits >>> 16), 0x85ebca6b) + 0x9e3779b9;
  const second = Math.imul(first ^ (first >>> 13), 0xc2b2ae35);
  return second ^ (second >>> 16);
}

import type { EventLog, LogRecord } from '@tandem/shared/log';
import { TandemError } from '@tandem/shared/errors';
import { shortHash, type InputSource } from './input.ts';
import type { Line } from './line-reader.ts';

/** Records of one partition: `from` inclusive, `to` exclusive. */
export interface OffsetRange {
  partition: number;
  from: number;
  to: number;
}

/** What to replay, as it was asked for. */
export type ReplaySpec =
  | { kind: 'time'; from: number; to: number | undefined }
  | { kind: 'offsets'; ranges: OffsetRange[] };

const RANGE = /^(\d+):(\d+)-(\d+)$/;

/**
 * `from`: a time with its zone (2026-11-20T22:00Z), or ranges of offsets, `partition:first-last[,…]`, both ends inclusive.
 * @throws {TandemError} `usage`
 */
export function parseReplay(from: string, to: string | undefined): ReplaySpec {
  if (from.split(',').every((part) => RANGE.test(part.trim()))) {
    if (to !== undefined) throw usage('--replay-to goes with a time; ranges of offsets have their ends');
    return { kind: 'offsets', ranges: from.split(',').map(parseRange) };
  }
  return { kind: 'time', from: parseTime('--replay-from', from), to: to === undefined ? undefined : parseTime('--replay-to', to) };
}

function parseRange(text: string): OffsetRange {
  const [, partition, first, last] = RANGE.exec(text.trim()) ?? [];
  const range = { partition: Number(partition), from: Number(first), to: Number(last) + 1 };
  if (range.to <= range.from) throw usage(`${text}: the last offset is before the first`);
  return range;
}

function parseTime(flag: string, text: string): number {
  const time = /(Z|[+-]\d{2}:?\d{2})$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw usage(`${flag} ${text}: a time with its zone (2026-11-20T22:00Z) or partition:first-last[,…] is expected`);
  return time;
}

function usage(message: string): TandemError {
  return new TandemError(message, { code: 'usage' });
}

/** The ranges that a specification means now. */
export async function resolveReplay(log: EventLog, topic: string, spec: ReplaySpec): Promise<OffsetRange[]> {
  if (spec.kind === 'offsets') return spec.ranges;
  const partitions = await log.admin.offsets(topic);
  return Promise.all(partitions.map(async ({ partition, latest }) => ({
    partition,
    from: (await firstAt(log, topic, partition, spec.from)) ?? latest,
    to: spec.to === undefined ? latest : ((await firstAt(log, topic, partition, spec.to)) ?? latest),
  })));
}

async function firstAt(log: EventLog, topic: string, partition: number, timestamp: number): Promise<number | undefined> {
  for await (const [first] of log.read({ topic, partition, from: { timestamp } })) if (first !== undefined) return first.offset;
  return undefined;
}

/**
 * Requests as they were, with the time at which they came, where they do not tell another.
 * @param asked what the ranges were asked for as: a job does not go on with something else
 */
export function openReplay(log: EventLog, topic: string, ranges: readonly OffsetRange[], asked: string): InputSource {
  const wanted = ranges.filter(({ from, to }) => to > from);
  const total = wanted.reduce((sum, { from, to }) => sum + to - from, 0);
  const text = wanted.map(({ partition, from, to }) => `${partition}:${from}-${to - 1}`).join(',');
  let read = 0;
  return {
    description: `${topic} ${text}`,
    fingerprint: `${topic} ${asked}: ${text}`,
    defaultJob: shortHash(`${topic} ${text}`),
    repeatable: true,
    progress: () => (total === 0 ? 1 : read / total),
    async *lines() {
      let number = 0;
      for (const { partition, from, to } of wanted) {
        for await (const records of log.read({ topic, partition, from: { offset: from }, to })) {
          read += records.length;
          yield records.filter(isRequest).map((record): Line => ({ number: (number += 1), ...lineOf(record) }));
        }
      }
    },
  };
}

/** Cancellations took requests back that nobody waits for any more. */
function isRequest({ value }: LogRecord): boolean {
  return value !== null && !value.subarray(0, 200).includes('"cancel":true');
}

function lineOf({ topic, partition, offset, value, timestamp }: LogRecord): Pick<Line, 'bytes' | 'source'> {
  return { bytes: withTime(value ?? Buffer.alloc(0), timestamp), source: `${topic}/${partition}/${offset}` };
}

function withTime(value: Buffer, time: number): Buffer {
  try {
    const request = JSON.parse(value.toString('utf8')) as unknown;
    if (typeof request !== 'object' || request === null || Array.isArray(request) || 'time' in request) return value;
    return Buffer.from(JSON.stringify({ ...request, time }));
  } catch {
    return value;
  }
}

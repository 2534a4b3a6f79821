import { DEAD_LETTER_HEADER } from '@tandem/schemas';
import type { Headers, LogRecord, OutgoingRecord } from '../log/index.ts';

/** A record that a stage gave up, as it lies on the dead letters. */
export interface DeadLetter {
  /** `<source topic>/<partition>/<offset>`: its name. */
  key: string;
  /** When it was put there, epoch ms. */
  time: number;
  stage: string;
  code: string;
  message: string;
  attempts: number;
  topic: string;
  partition: number;
  offset: number;
  /** Of the original record; null: it had none. */
  sourceKey: string | null;
  /** The original's own. */
  headers: Headers;
  value: Buffer | null;
}

const OWN_HEADERS: ReadonlySet<string> = new Set(Object.values(DEAD_LETTER_HEADER));

/** Undefined: a tombstone, or nothing that a stage wrote. (The dead letter of a record without a value has none either.) */
export function readLetter(record: LogRecord): DeadLetter | undefined {
  const { headers, key } = record;
  const field = (name: keyof typeof DEAD_LETTER_HEADER) => headers[DEAD_LETTER_HEADER[name]];
  const topic = field('sourceTopic');
  if (key === null || topic === undefined) return undefined;
  return {
    key,
    time: record.timestamp,
    stage: field('stage') ?? '',
    code: field('code') ?? '',
    message: field('message') ?? '',
    attempts: Number(field('attempts') ?? 0),
    topic,
    partition: Number(field('sourcePartition') ?? 0),
    offset: Number(field('sourceOffset') ?? 0),
    sourceKey: field('sourceKey') ?? null,
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !OWN_HEADERS.has(name))),
    value: record.value,
  };
}

/** Deletes a dead letter: reading passes it over at once, the broker removes it when it compacts. */
export function tombstone(topic: string, { key }: Pick<DeadLetter, 'key'>): OutgoingRecord {
  return { topic, key, value: null };
}

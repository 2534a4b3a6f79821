import type { Headers, LogRecord, OutgoingRecord } from '../log/index.ts';
import { positionOf } from './dead-letter.ts';

/**
 * An output whose value is JSON. It is written out only when the record goes to the log: a stage that is chained to the
 * writer gets the object itself. Whoever reads it must not change it, since several may.
 */
export class JsonOutput implements OutgoingRecord {
  readonly topic: string;
  readonly key: string;
  readonly body: object;

  constructor(topic: string, key: string, body: object) {
    this.topic = topic;
    this.key = key;
    this.body = body;
  }

  get value(): string {
    return JSON.stringify(this.body);
  }
}

/** A record that never was in the log: one stage of a chain hands it to the next. */
export class HandedOver implements LogRecord {
  readonly topic: string;
  readonly partition: number;
  /** Below 0, and the same whenever the origin is delivered again. */
  readonly offset: number;
  /** Of the origin: the record in the log that this one came from, and that is delivered again when this one is lost. */
  readonly timestamp: number;
  /** `topic/partition/offset` of the record in the log that this one came from. */
  readonly origin: string;
  readonly key: string;
  readonly headers: Headers;
  readonly body: object;
  /** Among what was written with it: all have the same place. */
  readonly ordinal: number;

  constructor({ topic, key, body }: JsonOutput, origin: Pick<LogRecord, 'topic' | 'partition' | 'offset' | 'timestamp'>, headers: Headers, ordinal = 0) {
    this.topic = topic;
    this.partition = origin.partition;
    this.offset = origin.offset < 0 ? origin.offset : -1 - origin.offset;
    this.timestamp = origin.timestamp;
    this.origin = origin instanceof HandedOver ? origin.origin : positionOf(origin);
    this.key = key;
    this.headers = headers;
    this.body = body;
    this.ordinal = ordinal;
  }

  /** For those who must have it as it would lie in the log, such as a dead letter. */
  get value(): Buffer {
    return Buffer.from(JSON.stringify(this.body));
  }
}

import { randomUUID } from 'node:crypto';
import { DEAD_LETTER_HEADER, HEADER, fixedTopics, topicName, type Response } from '@tandem/schemas';
import { createEmbeddedLog, type EventLog, type LogProducer } from '@tandem/shared/log';
import type { JobFiles } from './files.ts';
import type { InputSource } from './input.ts';
import { readLines } from './line-reader.ts';

export const PREFIX = 'test.';

/** Ends a process: nothing that it still tries has an effect. */
export class Crash extends Error {}

/** Files that outlive the processes that write them. */
export class Disk {
  output: Buffer | undefined;
  state: string | undefined;
  errors = '';

  get lines(): string[] {
    const text = this.output?.toString('utf8') ?? '';
    return text === '' ? [] : text.replace(/\n$/, '').split('\n');
  }
}

/** One process: it ends with its n-th effect on the world, which may have happened or not, or half. */
export class Process {
  #left: number;

  constructor(effects = Infinity) {
    this.#left = effects;
  }

  get dead(): boolean {
    return this.#left <= 0;
  }

  /** @param half what remains of the effect when the process ends in the midst of it */
  async effect<T>(whole: () => T | Promise<T>, half: () => unknown = () => undefined): Promise<T> {
    if (this.dead) throw new Crash('long dead');
    this.#left -= 1;
    if (!this.dead) return whole();
    await half();
    throw new Crash('killed');
  }
}

export function memoryFiles(disk: Disk, process = new Process()): JobFiles {
  return {
    readState: async () => disk.state,
    writeState: (text) => process.effect(() => void (disk.state = text)),
    outputSize: async () => disk.output?.length,
    openOutput: (bytes) => process.effect(() => void (disk.output = (disk.output ?? Buffer.alloc(0)).subarray(0, bytes))),
    async *readOutput() {
      yield disk.output ?? Buffer.alloc(0);
    },
    append(data) {
      const put = (part: Buffer) => void (disk.output = Buffer.concat([disk.output ?? Buffer.alloc(0), part]));
      return process.effect(() => put(data), () => put(data.subarray(0, Math.floor(data.length / 2))));
    },
    sync: () => process.effect(() => undefined),
    openErrors: () => process.effect(() => void (disk.errors = '')),
    reportErrors: (text) => process.effect(() => void (disk.errors += text)),
    close: async () => undefined,
  };
}

/** A log that outlives processes, though it lies in memory. */
export function durableLog(log: EventLog, process = new Process()): EventLog {
  return new Proxy(log, {
    get(target, name) {
      if (name === 'durable') return true;
      if (name === 'producer') return async () => mortal(await target.producer(), process);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

/** What was sent when the process ended may have arrived in part. */
function mortal(producer: LogProducer, process: Process): LogProducer {
  return {
    send: (records) => process.effect(() => producer.send(records), () => producer.send(records.slice(0, Math.ceil(records.length / 2)))),
    flush: () => producer.flush(),
    close: () => producer.close(),
  };
}

export function inputOf(text: string, fingerprint = 'input'): InputSource {
  return {
    description: 'test', fingerprint, defaultJob: 'job', repeatable: true, progress: () => undefined,
    lines: (maxBytes) => readLines((async function* chunks() {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; at += 1_000) yield bytes.subarray(at, at + 1_000);
    })(), maxBytes),
  };
}

export interface FakeFlow extends AsyncDisposable {
  log: EventLog;
  /** Ids in the order in which they were read. */
  readonly requests: string[];
}

export interface FakeFlowOptions {
  /** Undefined: no answer, but a dead letter of this code. */
  answer?: (requestId: string) => Partial<Response> | { deadLetter: string } | undefined;
}

/** Answers every request of the bulk lane once; a repeated id is a dead letter, as with the classifier. */
export async function startFakeFlow({ answer = () => ({}) }: FakeFlowOptions = {}): Promise<FakeFlow> {
  const log = createEmbeddedLog();
  await log.admin.ensureTopics(fixedTopics({ prefix: PREFIX, partitions: 3 }));
  const producer = await log.producer();
  const requests: string[] = [];
  const known = new Set<string>();
  const bury = (requestId: string, value: Buffer | null, code: string) =>
    producer.send([{ topic: topicName(PREFIX, 'dead-letters'), key: requestId, value, headers: { [DEAD_LETTER_HEADER.code]: code } }]);
  const respond = (requestId: string, over: Partial<Response>) => {
    const response = { requestId, workload: 'w', status: 'complete', final: true, sequence: 0, steps: [], latencyMs: 1, time: 1, ...over };
    const headers = { [HEADER.requestId]: requestId };
    return producer.send([{ topic: topicName(PREFIX, 'responses'), key: requestId, value: JSON.stringify(response), headers }]);
  };
  const consumer = log.consumer({
    groupId: `flow-${randomUUID()}`,
    topics: [topicName(PREFIX, 'requests.bulk')],
    onRecord(delivery) {
      const { record } = delivery;
      const { requestId } = JSON.parse(record.value!.toString('utf8')) as { requestId: string };
      requests.push(requestId);
      const given = known.has(requestId) ? { deadLetter: 'duplicate_request' } : answer(requestId);
      known.add(requestId);
      if (given !== undefined && 'deadLetter' in given) void bury(requestId, record.value, given.deadLetter);
      else if (given !== undefined) void respond(requestId, given);
      delivery.ack();
    },
  });
  await consumer.start();
  return { log, requests, [Symbol.asyncDispose]: () => log.close() };
}

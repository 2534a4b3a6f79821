import { HEADER, topicName, type Response } from '@tandem/schemas';
import type { EventLog, OutgoingRecord } from '@tandem/shared/log';
import { Latencies } from '@tandem/shared/statistics';

/** Whoever sends at a steady rate. */
export interface Sender {
  tenant: string;
  perSecond: number;
}

/** What one sender got. */
export interface SenderFigures {
  offered: number;
  /** Complete answers within the SLO. */
  goodputPerSecond: number;
  /** Of complete answers. */
  p50Ms: number;
  p99Ms: number;
  /** Rejected for the quota. */
  overQuota: number;
  /** Neither complete nor over the quota, answers that never came among them. */
  otherwise: number;
}

export interface LoadOptions {
  log: EventLog;
  prefix: string;
  seconds: number;
  sloMs: number;
  /** The value of a request, without its id. */
  request: (number: number) => Record<string, unknown>;
}

interface Sent {
  tenant: string;
  dueAt: number;
}

/** What is due is looked for so often, ms. */
const TICK_MS = 5;
/** Answers may come so much later than the last request, ms. */
const PATIENCE_MS = 5_000;

class Answers {
  readonly sent = new Map<string, Sent>();
  readonly #sloMs: number;
  readonly #figures = new Map<string, { offered: number; inTime: number; complete: number; overQuota: number; latencies: Latencies }>();

  constructor(senders: readonly Sender[], sloMs: number) {
    this.#sloMs = sloMs;
    for (const { tenant } of senders) this.#figures.set(tenant, { offered: 0, inTime: 0, complete: 0, overQuota: 0, latencies: new Latencies() });
  }

  sends(requestId: string, sent: Sent): void {
    this.sent.set(requestId, sent);
    this.#figures.get(sent.tenant)!.offered += 1;
  }

  heard({ requestId, status, error }: Pick<Response, 'requestId' | 'status' | 'error'>): void {
    const sent = this.sent.get(requestId);
    if (sent === undefined || status === 'provisional') return;
    this.sent.delete(requestId);
    const figures = this.#figures.get(sent.tenant)!;
    if (error?.code === 'quota_exceeded') figures.overQuota += 1;
    if (status !== 'complete') return;
    const latencyMs = performance.now() - sent.dueAt;
    figures.complete += 1;
    figures.latencies.add(latencyMs);
    if (latencyMs <= this.#sloMs) figures.inTime += 1;
  }

  figures(seconds: number): Map<string, SenderFigures> {
    return new Map([...this.#figures].map(([tenant, { offered, inTime, complete, overQuota, latencies }]) => [tenant, {
      offered, overQuota, otherwise: offered - complete - overQuota, goodputPerSecond: inTime / seconds, p50Ms: latencies.percentile(50), p99Ms: latencies.percentile(99),
    }]));
  }
}

let runs = 0;

/** Sends when it is due, however slow the answers are; latencies count from then. @returns figures by tenant */
export async function sendTogether(senders: readonly Sender[], { log, prefix, seconds, sloMs, request }: LoadOptions): Promise<Map<string, SenderFigures>> {
  const answers = new Answers(senders, sloMs);
  const producer = await log.producer();
  const tail = await log.tail({ topic: topicName(prefix, 'responses'), onRecord: ({ value }) => value === null ? undefined : answers.heard(JSON.parse(value.toString('utf8')) as Response) });
  await tail.caughtUp;
  const run = (runs += 1);
  const beganAt = performance.now();
  const counts = senders.map(() => 0);
  const sends: Promise<unknown>[] = [];
  const sendDue = () => {
    const now = performance.now();
    const records: OutgoingRecord[] = [];
    for (const [index, { tenant, perSecond }] of senders.entries()) {
      for (; counts[index]! < Math.min(seconds, (now - beganAt) / 1_000) * perSecond; counts[index]! += 1) {
        const number = counts[index]!;
        const requestId = `${run}-${tenant}-${number}`;
        answers.sends(requestId, { tenant, dueAt: beganAt + (number * 1_000) / perSecond });
        records.push({ topic: topicName(prefix, 'requests'), key: requestId, value: JSON.stringify({ requestId, ...request(number) }), headers: { [HEADER.tenant]: tenant } });
      }
    }
    if (records.length > 0) sends.push(producer.send(records));
  };
  const timer = setInterval(sendDue, TICK_MS);
  await until(() => performance.now() - beganAt >= seconds * 1_000, Infinity);
  clearInterval(timer);
  sendDue();
  await Promise.all(sends);
  await until(() => answers.sent.size === 0, PATIENCE_MS);
  await Promise.all([tail.close(), producer.close()]);
  return answers.figures(seconds);
}

async function until(isTrue: () => boolean, mostMs: number): Promise<void> {
  for (const from = performance.now(); !isTrue() && performance.now() - from < mostMs;) await new Promise((resolve) => setTimeout(resolve, TICK_MS));
}

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { cpus } from 'node:os';
import { median, quantile } from '@tandem/shared/statistics';
import { MEBIBYTE } from '@tandem/shared/units';
import { Load } from '../../test/faults/load.ts';
import { Progress } from '../../test/faults/progress.ts';
import { PREFIX } from '../../test/faults/stage-flags.ts';
import { createTraffic, type Traffic } from '../../test/faults/traffic.ts';
import { Answers } from './answers.ts';
import { lagByGroup } from './lag.ts';
import { residentBytes } from './memory.ts';
import { openStand, type Stand } from './stand.ts';
import { trendOf, type Trend } from './trend.ts';

export interface SoakOptions {
  minutes: number;
  /** Share of the capacity found. */
  load: number;
  /** Per second; instead of finding the capacity. */
  rate?: number | undefined;
  instances: number;
  sampleEveryMs: number;
  seed: number;
  stageFlags: readonly string[];
}

export interface Sample {
  /** Since the load began. */
  minute: number;
  residentMiB: Record<string, number>;
  /** Records behind, by consumer group. */
  lag: Record<string, number>;
  sent: number;
  answered: number;
  p50Ms: number;
  p99Ms: number;
}

export interface SoakReport {
  minutes: number;
  load: number;
  capacityPerSecond: number | undefined;
  ratePerSecond: number;
  sent: number;
  answered: number;
  latencyMs: { p50: number; p99: number };
  /** MiB, per hour; the first quarter of the run is left out. */
  memory: Record<string, Trend>;
  /** Records, per hour. */
  lag: Record<string, Trend>;
  flat: boolean;
  /** Processes that ended by themselves. */
  crashes: number;
  samples: readonly Sample[];
  machine: { cpu: string; cores: number; node: string };
}

const LAST_ANSWERS_MS = 60_000;
const CAPACITY = { outstanding: 256, warmUpMs: 10_000, measureMs: 20_000 };
/** Sessions, pools and heaps fill up first. */
const WARM_UP_SHARE = 0.25;
/** Memory may drift by so much over the run, or by so many MiB where that is more. */
const MEMORY_TOLERANCE = { share: 0.1, mebibytes: 12 };
/** Lag may drift by so many seconds' worth of records. */
const LAG_TOLERANCE_SECONDS = 1;

/** Load at a share of the capacity for a long time, and whether anything grows. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  await using stand = await openStand(options);
  await stand.fleet.start();
  const answers = await Answers.follow(stand.ports, PREFIX);
  const traffic = createTraffic({ seed: options.seed, run: randomUUID().slice(0, 8) });
  const capacityPerSecond = options.rate === undefined ? await findCapacity(stand, traffic, answers) : undefined;
  const ratePerSecond = options.rate ?? options.load * capacityPerSecond!;
  const producer = await stand.ports.log.producer();
  const requests = Math.round(options.minutes * 60 * ratePerSecond);
  const load = new Load({ producer, prefix: PREFIX, traffic, requests, ratePerSecond });
  const before = answers.count;
  const samples = await sampleWhile(load, stand, answers, options);
  await untilAnswered(answers, before + load.sent);
  return summarise({ options, capacityPerSecond, ratePerSecond, samples, load, answered: answers.count - before, crashes: stand.fleet.crashes.length });
}

/** What is still in flight when the load ends, bulk requests above all, has a while to be answered. */
async function untilAnswered(answers: Answers, wanted: number): Promise<void> {
  const until = Date.now() + LAST_ANSWERS_MS;
  while (answers.count < wanted && Date.now() < until) await delay(100);
}

/** Answers a second with so many requests outstanding at any time. */
async function findCapacity({ ports }: Stand, traffic: Traffic, answers: Answers): Promise<number> {
  const producer = await ports.log.producer();
  let [sent, measuredFrom] = [answers.count, 0];
  const startedAt = Date.now();
  const { outstanding, warmUpMs, measureMs } = CAPACITY;
  using _progress = new Progress(() => `finding the capacity: ${sent} sent, ${answers.count} answered`);
  while (Date.now() - startedAt < warmUpMs + measureMs) {
    if (measuredFrom === 0 && Date.now() - startedAt >= warmUpMs) measuredFrom = answers.count;
    const messages = Array.from({ length: Math.max(0, outstanding - (sent - answers.count)) }, () => traffic.next());
    sent += messages.length;
    await producer.send(messages.map(({ topic, key, value }) => ({ topic: PREFIX + topic, key, value })));
    await delay(5);
  }
  const capacity = ((answers.count - measuredFrom) * 1_000) / measureMs;
  while (answers.count < sent) await delay(50);
  await producer.close();
  answers.takeLatencies();
  return capacity;
}

async function sampleWhile(load: Load, stand: Stand, answers: Answers, { sampleEveryMs, minutes }: SoakOptions): Promise<Sample[]> {
  const samples: Sample[] = [];
  const startedAt = Date.now();
  const before = answers.count;
  using _progress = new Progress(() => `${((Date.now() - startedAt) / 60_000).toFixed(1)}/${minutes} min, ${load.sent} sent, ${answers.count - before} answered`);
  const over = load.run().then(() => true);
  while (!(await Promise.race([over, delay(sampleEveryMs, false)]))) {
    const minute = (Date.now() - startedAt) / 60_000;
    const lag = await lagByGroup(stand.ports.log, PREFIX);
    const latencies = answers.takeLatencies();
    samples.push({
      minute, residentMiB: await memoryByProcess(stand), lag, sent: load.sent, answered: answers.count - before,
      p50Ms: quantile(latencies, 0.5, 0), p99Ms: quantile(latencies, 0.99, 0),
    });
  }
  return samples;
}

export async function memoryByProcess({ fleet }: Stand): Promise<Record<string, number>> {
  const bytes = await residentBytes(fleet.all.flatMap(({ pid }) => pid ?? []));
  return Object.fromEntries(fleet.all.flatMap(({ name, pid }) => {
    const resident = bytes.get(pid ?? -1);
    return resident === undefined ? [] : [[name, Math.round((resident / MEBIBYTE) * 10) / 10] as const];
  }));
}

interface Parts {
  options: SoakOptions;
  capacityPerSecond: number | undefined;
  ratePerSecond: number;
  samples: readonly Sample[];
  load: Load;
  answered: number;
  crashes: number;
}

function summarise({ options, capacityPerSecond, ratePerSecond, samples, load, answered, crashes }: Parts): SoakReport {
  const settled = samples.filter(({ minute }) => minute >= WARM_UP_SHARE * options.minutes);
  const trends = (values: (sample: Sample) => Record<string, number>, tolerance: (median: number) => number) =>
    Object.fromEntries(Object.keys(settled[0] === undefined ? {} : values(settled[0])).map((name) =>
      [name, trendOf(settled.map((sample) => [sample.minute / 60, values(sample)[name] ?? 0]), tolerance)]));
  const memory = trends(({ residentMiB }) => residentMiB, (median) => Math.max(MEMORY_TOLERANCE.mebibytes, MEMORY_TOLERANCE.share * median));
  const lag = trends((sample) => sample.lag, () => LAG_TOLERANCE_SECONDS * ratePerSecond);
  return {
    minutes: options.minutes, load: options.load, capacityPerSecond, ratePerSecond, sent: load.sent, answered,
    latencyMs: { p50: median(settled.map(({ p50Ms }) => p50Ms), 0), p99: median(settled.map(({ p99Ms }) => p99Ms), 0) },
    memory, lag, flat: [...Object.values(memory), ...Object.values(lag)].every(({ flat }) => flat), crashes, samples,
    machine: { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, node: process.version },
  };
}

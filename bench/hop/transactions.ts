import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createKafkaLog, type EventLog, type ExclusiveWriter } from '@tandem/shared/log';
import { median, quantile } from '@tandem/shared/statistics';
import { silentLogger } from '@tandem/shared/telemetry';
import { startKafkaBroker } from '../../test/support/kafka-broker.ts';
import { cpuSecondsOf } from '../harness/process-tree.ts';
import { exitOnSignals } from '../../test/support/processes.ts';

const HELP = `Measures what exactly-once costs on the log: a transaction of one record, a barrier, and the broker's CPU.

  node bench/hop/transactions.ts [--brokers HOST:PORT] [--count 500] [--seconds 15] [--json FILE]

One writer without pauses, transactions and barriers in turn; then four writers, each every 50 ms, for so many seconds. Without --brokers a broker
is started on this machine and shares its cores; only then its CPU is known.
`;

const WRITERS = 4;
const EVERY_MS = 50;
const WARM_UP = 50;

const { values } = parseArgs({
  options: {
    brokers: { type: 'string' },
    count: { type: 'string', default: '500' },
    seconds: { type: 'string', default: '15' },
    json: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) process.stdout.write(HELP);
else await main();

async function main(): Promise<void> {
  exitOnSignals();
  const broker = values.brokers === undefined ? await startKafkaBroker({ runsLong: true }) : undefined;
  const log = createKafkaLog({ brokers: (values.brokers ?? broker?.address ?? '').split(','), clientId: 'bench-transactions', logger: silentLogger });
  try {
    const result = await measure(log, () => cpuSecondsOf(broker?.process.pid === undefined ? [] : [broker.process.pid]));
    console.log(JSON.stringify(result, null, 2));
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
  } finally {
    await log.close();
    await broker?.stop();
  }
}

async function measure(log: EventLog, brokerCpuSeconds: () => number): Promise<object> {
  const topic = `bench.transactions.${randomUUID()}`;
  const common = { producer: 'bench', consumer: 'bench', schema: 'none', key: 'any', cleanup: 'delete', retentionMs: 600_000, timestamps: 'append' } as const;
  await log.admin.ensureTopics([{ name: topic, partitions: WRITERS, maxRecordBytes: 1_048_576, ...common }]);
  const writers = await Promise.all(Array.from({ length: WRITERS }, (_, number) => log.exclusiveWriter(`bench.${number}`)));
  const write = (partition: number) => timed(() => writers[partition]!.write([{ topic, key: 'any', value: 'x'.repeat(700), partition }]));
  const alone = await inTurn(write, writers[0]!, topic);
  const cpuBefore = brokerCpuSeconds();
  const startedAt = performance.now();
  const together = (await Promise.all(writers.map((_, partition) => steadily(() => write(partition))))).flat();
  const seconds = (performance.now() - startedAt) / 1_000;
  await log.admin.deleteTopics([topic]);
  return {
    ...alone,
    fourWritersEvery50Ms: { transactionMs: summary(together), transactionsPerSecond: together.length / seconds, brokerCores: (brokerCpuSeconds() - cpuBefore) / seconds },
    machine: { cpu: cpus()[0]?.model ?? '', cores: cpus().length, node: process.version },
  };
}

async function inTurn(write: (partition: number) => Promise<number>, writer: ExclusiveWriter, topic: string): Promise<object> {
  const [transactions, barriers]: [number[], number[]] = [[], []];
  for (let count = 0; count < WARM_UP + Number(values.count); count += 1) {
    transactions.push(await write(0));
    barriers.push(await timed(() => writer.barrier({ topic, partition: 0 })));
  }
  return { transactionMs: summary(transactions.slice(WARM_UP)), barrierMs: summary(barriers.slice(WARM_UP)) };
}

async function steadily(write: () => Promise<number>): Promise<number[]> {
  const [times, endsAt]: [number[], number] = [[], performance.now() + Number(values.seconds) * 1_000];
  while (performance.now() < endsAt) {
    const dueAt = performance.now() + EVERY_MS;
    times.push(await write());
    await delay(Math.max(0, dueAt - performance.now()));
  }
  return times;
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await action();
  return performance.now() - startedAt;
}

function summary(times: readonly number[]): object {
  return { count: times.length, median: median(times), p99: quantile(times, 0.99) };
}

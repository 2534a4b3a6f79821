import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createEmbeddedLog, createKafkaLog, type EventLog } from '@tandem/shared/log';
import { quantiles } from '@tandem/shared/statistics';
import { silentLogger } from '@tandem/shared/telemetry';
import { startKafkaBroker } from '../../test/support/kafka-broker.ts';
import { exitOnSignals } from '../../test/support/processes.ts';

const HELP = `Measures one hop, from the call of send to the delivery, at a low and steady rate.

  node bench/hop/hop.ts [--brokers HOST:PORT] [--embedded] [--rate 200] [--seconds 15] [--bytes 700] [--json FILE]

Without --brokers a broker is started on this machine and shares its cores. Target over Kafka: median ≤ 2 ms.
`;

const WARM_UP_SECONDS = 4;
const PARTITIONS = 8;
const SENT_AT = 'sent-at';

interface HopResult {
  log: string;
  ratePerSecond: number;
  records: number;
  medianMs: number;
  p90Ms: number;
  p99Ms: number;
  maxMs: number;
  /** CPU of this process (producer and consumer) per record. */
  cpuMicrosPerRecord: number;
  machine: { cpu: string; cores: number; memoryGiB: number; node: string };
}

const { values } = parseArgs({
  options: {
    brokers: { type: 'string' },
    embedded: { type: 'boolean', default: false },
    rate: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '15' },
    bytes: { type: 'string', default: '700' },
    json: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) process.stdout.write(HELP);
else await main();

async function main(): Promise<void> {
  exitOnSignals();
  const broker = values.embedded || values.brokers !== undefined ? undefined : await startKafkaBroker({ runsLong: true });
  const brokers = (values.brokers ?? broker?.address ?? '').split(',');
  const log = values.embedded ? createEmbeddedLog() : createKafkaLog({ brokers, clientId: 'bench-hop', logger: silentLogger });
  try {
    const result = await measure(log, Number(values.rate), Number(values.seconds), Number(values.bytes));
    console.log(render(result));
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
  } finally {
    await log.close();
    await broker?.stop();
  }
}

async function measure(log: EventLog, ratePerSecond: number, seconds: number, bytes: number): Promise<HopResult> {
  const topic = `bench.hop.${randomUUID()}`;
  const common = { producer: 'bench', consumer: 'bench', schema: 'none', key: 'any', cleanup: 'delete', retentionMs: 600_000, timestamps: 'append' } as const;
  await log.admin.ensureTopics([{ name: topic, partitions: PARTITIONS, maxRecordBytes: 1_048_576, ...common }]);
  const latencies: number[] = [];
  const consumer = log.consumer({
    groupId: topic,
    topics: [topic],
    onRecord(delivery) {
      latencies.push(performance.now() - Number(delivery.record.headers[SENT_AT]));
      delivery.ack();
    },
  });
  await consumer.start();
  const producer = await log.producer();
  const send = (index: number): Promise<void> =>
    producer.send([{ topic, key: `user-${index % 997}`, value: 'x'.repeat(bytes), headers: { [SENT_AT]: String(performance.now()) } }]);

  const received = async (count: number): Promise<void> => {
    while (latencies.length < count) await delay(5);
  };

  await received(await sendAtRate(send, ratePerSecond, WARM_UP_SECONDS));
  latencies.length = 0;
  const cpuBefore = process.cpuUsage();
  const sent = await sendAtRate(send, ratePerSecond, seconds);
  await received(sent);
  const { user, system } = process.cpuUsage(cpuBefore);
  await Promise.all([producer.close(), consumer.close()]);
  await log.admin.deleteTopics([topic]);
  return { ...summarise(log, latencies), ratePerSecond, cpuMicrosPerRecord: (user + system) / sent };
}

/** Open loop: a send never waits for the one before. Returns how many were sent, all of them acknowledged. */
async function sendAtRate(send: (index: number) => Promise<void>, ratePerSecond: number, seconds: number): Promise<number> {
  const [start, total] = [performance.now(), Math.round(ratePerSecond * seconds)];
  const pending: Promise<void>[] = [];
  while (pending.length < total) {
    const due = Math.min(total, ((performance.now() - start) / 1_000) * ratePerSecond);
    while (pending.length < due) pending.push(send(pending.length));
    await delay(1);
  }
  await Promise.all(pending);
  return total;
}

function summarise(log: EventLog, latencies: readonly number[]): Omit<HopResult, 'ratePerSecond' | 'cpuMicrosPerRecord'> {
  const [medianMs = NaN, p90Ms = NaN, p99Ms = NaN, maxMs = NaN] = quantiles(latencies, 0.5, 0.9, 0.99, 1);
  return {
    log: log.description,
    records: latencies.length,
    medianMs, p90Ms, p99Ms, maxMs,
    machine: { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, memoryGiB: Math.round(totalmem() / 2 ** 30), node: process.version },
  };
}

function render({ log, ratePerSecond, records, medianMs, p90Ms, p99Ms, maxMs, cpuMicrosPerRecord, machine }: HopResult): string {
  const ms = (value: number): string => `${value.toFixed(2)} ms`;
  return [
    `One hop over ${log.split(' ')[0] ?? log}, ${ratePerSecond} records/s, ${records} records`,
    `  median ${ms(medianMs)}   p90 ${ms(p90Ms)}   p99 ${ms(p99Ms)}   max ${ms(maxMs)}`,
    `  CPU of producer and consumer: ${Math.round(cpuMicrosPerRecord)} µs per record`,
    `  ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Node ${machine.node}`,
  ].join('\n');
}

import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { STAGE_NAMES } from '@tandem/schemas';
import { loadSettings } from '@tandem/shared/config';
import { openPorts } from '../../services/cli/compose/ports.ts';
import { exitOnSignals, startProcess, temporaryFolder } from '../support/processes.ts';
import { findOrStartServers } from '../support/servers.ts';
import { Client } from '../support/system.ts';
import { until } from '../support/until.ts';
import { BULK, FLAGS, REQUESTS, recordsOf, scenario, type KeptRecord } from './scenario.ts';

const HELP = `Records what a version of Tandem writes to its topics, for the tests that later versions read it, and are read by it.

  npm run record:records -- --name 0.2.0 [--checkout FOLDER]

Writes test/compatibility/records/NAME.jsonl. With --checkout the processes run from that folder, with its dependencies installed, else from this one.
`;

const THIS_CHECKOUT = join(import.meta.dirname, '../..');
const PATIENCE = { timeoutMs: 300_000, everyMs: 500 };
/** Heartbeats and reports are alike; the newest of each sender's is enough. */
const REPEATED = new Set(['telemetry']);
/** For people, and with their names. */
const LEFT_OUT = new Set(['audit']);

const flag = (name: string): string => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

async function record(checkout: string): Promise<KeptRecord[]> {
  const servers = await findOrStartServers();
  const prefix = `record-${Date.now()}.`;
  const connection = { kafka: servers.kafka, prefix };
  const entry = join(checkout, 'services/cli/tandem.ts');
  const logs = temporaryFolder('tandem-record-');
  const flags = Object.entries({ ...connection, redis: servers.redis, ...FLAGS }).flatMap(([name, value]) => [flag(name), value]);
  const tandem = async (...args: string[]) => void (await promisify(execFile)(process.execPath, [entry, ...args, '--kafka', servers.kafka, '--prefix', prefix]));
  // The topics are made by the version that is recorded.
  await tandem('topics', 'ensure', '--partitions', FLAGS.partitions);
  const stages = STAGE_NAMES.map((stage) => startProcess(process.execPath, [entry, 'stage', stage, ...flags, '--instance', stage], join(logs, `${stage}.log`)));
  await using ports = await openPorts(loadSettings({ flags: { ...connection, ...FLAGS, logLevel: 'error' } }), 'record');
  const client = await Client.connect(ports, prefix);
  try {
    await (await ports.log.producer()).send(scenario(prefix));
    const ids = [...REQUESTS, ...BULK].map(({ requestId }) => requestId);
    const isAnswered = (id: string) => client.responses.get(id)?.some(({ final }) => final) === true;
    await until(() => ids.every(isAnswered), { ...PATIENCE, what: () => `answers to ${ids.filter((id) => !isAnswered(id)).join()}: ${stages.map((stage) => stage.output()).join('\n')}` });
    await tandem('experiment', 'start', join(checkout, 'docs/examples/experiment.json'));
    await tandem('erase', 'user-erased');
    await until(async () => {
      const kept = await recordsOf(ports.log, prefix);
      const kinds = kept.filter(({ topic, value }) => topic === 'telemetry' && value !== null).map(({ value }) => (JSON.parse(value!) as { kind: string }).kind);
      return ['control', 'dead-letters'].every((topic) => kept.some((one) => one.topic === topic)) && ['worker', 'scheduler', 'erasure'].every((kind) => kinds.includes(kind));
    }, { ...PATIENCE, what: 'a heartbeat, a report, a notice of an erasure and a dead letter' });
    const kept = await recordsOf(ports.log, prefix);
    return [...kept, await toRetry(checkout, kept)];
  } finally {
    for (const stage of stages) await stage.stop();
    await servers.stop();
  }
}

/** A piece of work as that version puts it on its retry topic: made by its own code, since nothing that fails by itself in so short a time is tried again. */
async function toRetry(checkout: string, kept: readonly KeptRecord[]): Promise<KeptRecord> {
  const own = (await import(join(checkout, 'shared/runner/retry-record.ts'))) as { retryRecord: (topic: string, record: object, state: object) => KeptRecord };
  const work = kept.find(({ topic }) => topic.startsWith('work.'))!;
  const { timestamp, key, value, headers } = own.retryRecord('retry.worker', { ...work, value: Buffer.from(work.value!), partition: 0, offset: 7 }, { attempts: 4, deliveries: 1, notBefore: work.timestamp + 1_000 });
  return { topic: 'retry.worker', timestamp: timestamp ?? work.timestamp, key, value: String(value), headers };
}

/** Of each sender and kind the newest, where they repeat. */
function withoutRepeats(kept: readonly KeptRecord[]): KeptRecord[] {
  const newest = new Map(kept.map((one, index) => [REPEATED.has(one.topic) && one.value !== null ? `${one.topic} ${one.key} ${(JSON.parse(one.value) as { kind?: string }).kind}` : index, one]));
  return [...newest.values()].filter(({ topic, value }) => !LEFT_OUT.has(topic) && !(REPEATED.has(topic) && value === null));
}

const { values: { name, checkout, help } } = parseArgs({ options: { name: { type: 'string' }, checkout: { type: 'string', default: THIS_CHECKOUT }, help: { type: 'boolean', short: 'h', default: false } } });
if (help || name === undefined) {
  process.stdout.write(HELP);
  process.exitCode = help ? 0 : 2;
} else {
  exitOnSignals();
  const kept = withoutRepeats(await record(resolve(checkout)));
  const folder = join(import.meta.dirname, 'records');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.jsonl`), kept.map((one) => `${JSON.stringify(one)}\n`).join(''));
  process.stdout.write(`${kept.length} records in test/compatibility/records/${name}.jsonl\n`);
  process.exit(0);
}

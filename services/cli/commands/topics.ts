import type { Command } from 'commander';
import type { TopicSpec } from '@tandem/schemas';
import type { SettingName, Settings } from '@tandem/shared/config';
import { TandemError } from '@tandem/shared/errors';
import { REPLICATION_FACTOR } from '@tandem/shared/log';
import { expectBroker } from '../broker-listens.ts';
import { openPorts, type Ports } from '../compose/ports.ts';
import { ensureTopology, MORE_REPLICAS, topicsOf } from '../compose/topology.ts';
import { addSettingFlags, settingsOf } from '../setting-flags.ts';
import { textTable } from '../table.ts';
import { growTopics } from '../compose/grow-topics.ts';
import { addAclsCommand } from './topics-acls.ts';

const SETTINGS: readonly SettingName[] = ['kafka', 'prefix', 'partitions', 'replication', 'models', 'workloads', 'pool', 'logLevel'];

interface TopicLine {
  topic: string;
  producer: string;
  consumer: string;
  partitions: number;
  /** Null: the topic does not exist. */
  records: number | null;
}

async function recordsIn(topic: string, { log }: Ports): Promise<number> {
  const offsets = await log.admin.offsets(topic);
  return offsets.reduce((sum, { earliest, latest }) => sum + latest - earliest, 0);
}

async function line(spec: TopicSpec, ports: Ports, existing: ReadonlySet<string>): Promise<TopicLine> {
  const { name: topic, producer, consumer, partitions } = spec;
  return { topic, producer, consumer, partitions, records: existing.has(topic) ? await recordsIn(topic, ports) : null };
}

function show(lines: readonly TopicLine[], json: boolean): void {
  if (json) return console.log(JSON.stringify(lines));
  const rows = lines.map(({ topic, producer, consumer, partitions, records }) => [topic, producer, consumer, partitions, records ?? 'missing']);
  console.log(textTable(['topic', 'producer', 'consumer', 'partitions', 'records'], rows));
  const missing = lines.filter(({ records }) => records === null).length;
  if (missing > 0) console.log(`${missing} of ${lines.length} are missing: tandem topics ensure creates them, and so does every stage that starts`);
}

function brokerSettings(options: Record<string, unknown>): Settings & { kafka: string[] } {
  const settings = settingsOf(options);
  const { kafka } = settings;
  if (kafka !== undefined) return { ...settings, kafka };
  throw new TandemError('topics lie on a broker: --kafka host:port', { code: 'usage' });
}

async function list(options: Record<string, unknown>): Promise<void> {
  const settings = brokerSettings(options);
  await expectBroker(settings.kafka);
  await using ports = await openPorts(settings, 'topics');
  const existing = new Set(await ports.log.admin.listTopics());
  const specs = topicsOf(settings, ports);
  show(await Promise.all(specs.map((spec) => line(spec, ports, existing))), options['json'] === true);
}

async function ensure(options: Record<string, unknown>): Promise<void> {
  const settings = brokerSettings(options);
  await using ports = await openPorts(settings, 'topics');
  const { created, differences } = await ensureTopology(settings, ports);
  if (options['json'] === true) return console.log(JSON.stringify({ created, differences }));
  console.log(created.length === 0 ? 'nothing to create' : `created ${created.join(', ')}`);
  for (const { topic, setting, expected, actual } of differences) console.log(`${topic}: ${setting} is ${actual}, should be ${expected}`);
  if (differences.some(({ setting }) => setting === REPLICATION_FACTOR)) console.log(`Replicas: ${MORE_REPLICAS}`);
}

async function grow(options: Record<string, unknown>): Promise<void> {
  const settings = brokerSettings(options);
  await using ports = await openPorts(settings, 'topics');
  const json = options['json'] === true;
  const onGrown = (topic: string) => json || console.log(`${topic}: ${settings.partitions} partitions`);
  const grown = await growTopics(settings, ports, { force: options['force'] === true, onGrown });
  if (json) console.log(JSON.stringify({ grown }));
  else if (grown.length === 0) console.log(`nothing to grow: all topics have ${settings.partitions} partitions`);
}

export function addTopicsCommand(program: Command): void {
  const topics = program.command('topics').description('show or create the topics of the flow');
  const subcommands = [
    topics.command('list').description('each topic, who writes and reads it, and how many records it holds').action(list),
    topics.command('ensure').description('create what is missing, name what differs').action(ensure),
    topics.command('grow').description('give all topics of the flow --partitions partitions, while its stages are stopped and drained')
      .option('--force', 'although records are on their way: some are then answered degraded, or twice').action(grow),
  ];
  for (const command of subcommands) addSettingFlags(command.option('--json', 'machine-readable'), SETTINGS);
  addAclsCommand(topics);
  topics.addHelpText('after', '\nExamples:\n  tandem topics list --kafka 127.0.0.1:9092\n  tandem topics ensure --kafka 127.0.0.1:9092 --partitions 8\n  tandem topics grow --kafka 127.0.0.1:9092 --partitions 16');
}

import type { Command } from 'commander';
import { userIdSchema } from '@tandem/schemas';
import type { SettingName } from '@tandem/shared/config';
import { TandemError } from '@tandem/shared/errors';
import { expectBroker } from '../broker-listens.ts';
import { openPorts } from '../compose/ports.ts';
import { topicsOf } from '../compose/topology.ts';
import { eraseUser, type EraseSummary } from '../erase/index.ts';
import { ProgressLine, percent } from '../progress-line.ts';
import { addSettingFlags, settingsOf } from '../setting-flags.ts';
import { textTable } from '../table.ts';

const SETTINGS: readonly SettingName[] = ['kafka', 'redis', 'prefix', 'models', 'workloads', 'logLevel'];

const EXAMPLES = `
Name the Redis that the classifiers and gateways use, so that features and kept answers go at once; those without Redis forget
when they hear of the erasure. What the log keeps until its retention is listed; docs/erasure.md says where data of users can be.

Examples:
  tandem erase 4711 --kafka kafka:9092 --redis redis://redis:6379
  tandem erase 4711 --kafka kafka:9092 --dry-run --json`;

interface Flags extends Record<string, unknown> {
  dryRun?: true;
  json?: true;
}

function show({ dryRun, partitions, cache, deadLetters, remains, ...rest }: EraseSummary, json: boolean): void {
  if (json) return console.log(JSON.stringify({ ...rest, dryRun, partitions, cache, deadLetters, remains }));
  const would = dryRun ? 'would be ' : '';
  console.log(`erasure ${would}published on ${partitions} partitions: classifiers forget the user's features and ignore interactions from before it, gateways the answers that they keep`);
  console.log(cache ? `features, results and kept answers ${would}deleted from Redis` : 'no --redis: features, results and kept answers go when each process hears of the erasure');
  console.log(`${deadLetters.erased} of ${deadLetters.read} dead letters ${would}deleted`);
  console.log('what the log still holds goes by retention, at the latest:');
  console.log(textTable(['topic', 'until'], remains.map(({ topic, until }) => [topic, new Date(until).toISOString()])));
}

async function erase(user: string, options: Flags): Promise<void> {
  const userId = userIdSchema.safeParse(user);
  if (!userId.success) throw new TandemError('a user id has 1 to 256 characters', { code: 'usage' });
  const settings = settingsOf(options);
  if (settings.kafka === undefined) throw new TandemError('the data of users lies on a broker: --kafka host:port (and --redis where the classifiers use it)', { code: 'usage' });
  await expectBroker(settings.kafka);
  await using ports = await openPorts(settings, 'erase');
  const line = new ProgressLine();
  const summary = await eraseUser({
    ...ports,
    prefix: settings.prefix,
    topics: topicsOf(settings, ports),
    userId: userId.data,
    now: Date.now(),
    dryRun: options.dryRun === true,
    onProgress: (read, all) => line.show(() => `reading dead letters: ${percent(read, all)}`),
  });
  line.end();
  show(summary, options.json === true);
}

export function addEraseCommand(program: Command): void {
  const command = program.command('erase <user>').description('make the flow forget a user')
    .option('--dry-run', 'change nothing, only look')
    .option('--json', 'machine-readable')
    .action(erase)
    .addHelpText('after', EXAMPLES);
  addSettingFlags(command, SETTINGS);
}

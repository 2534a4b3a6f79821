import type { Command } from 'commander';
import type { SettingName } from '@tandem/shared/config';
import { TandemError } from '@tandem/shared/errors';
import { collectPath, explainPath } from '@tandem/shared/explain';
import { colorsFor } from '../demo/colors.ts';
import { explanationText } from '../explain/text.ts';
import { openLog, quietly } from '../open-log.ts';
import { moment } from '../option-parsers.ts';
import { ProgressLine } from '../progress-line.ts';
import { addSettingFlags, settingsOf } from '../setting-flags.ts';
import { abortedBySignal } from '../until-signal.ts';

const SETTINGS: readonly SettingName[] = ['kafka', 'prefix', 'instance', 'logLevel'];
const SINCE_MS = 3_600_000;
const EXAMPLES = `
Looks for the request in the log, newest records first, back to --since (an hour ago, unless it is given), then for everything that belongs to
it: task, work, outcomes, responses, retries, dead letters. With --user (or --key, where the request names one) one partition of each topic is
read instead of all. What chained stages hand on in memory is in no topic. Exit code 1: the request is not found.

Examples:
  tandem explain 0f6e1f0c-… --kafka 127.0.0.1:9092
  tandem explain order-17 --kafka 127.0.0.1:9092 --user 42 --since 2d
  tandem explain order-17 --kafka 127.0.0.1:9092 --json | jq .decisions`;

interface Flags extends Record<string, unknown> {
  user?: string;
  key?: string;
  since?: number;
  records?: true;
  json?: true;
}

function notFound(requestId: string, since: number, { since: isGiven, user, key }: Flags, prefix: string): TandemError {
  const further = isGiven === undefined ? ' (--since 2d looks further back)' : '';
  const elsewhere = user === undefined && key === undefined ? '' : `, as far as that ${user === undefined ? 'key' : 'user'} leads: without it all is read`;
  return new TandemError(`nothing of ${requestId} has been written since ${new Date(since).toISOString()}${further}${elsewhere}; is the prefix ${prefix} right?`, { code: 'not_found' });
}

async function explain(requestId: string, flags: Flags): Promise<void> {
  const settings = settingsOf(flags, quietly());
  await using log = await openLog(settings, 'requests lie');
  const stopped = abortedBySignal();
  const now = Date.now();
  const since = flags.since ?? now - SINCE_MS;
  const line = new ProgressLine();
  const onProgress = (read: number, backTo: number) => line.show(() => `looking for ${requestId}: ${read} records, back to ${new Date(backTo).toISOString()}`);
  const path = await collectPath({ log, prefix: settings.prefix, requestId, key: flags.user ?? flags.key, since, now, signal: stopped, onProgress });
  line.end();
  if (stopped.aborted) throw new TandemError('before everything was read', { code: 'stopped' });
  if (path.length === 0) throw notFound(requestId, since, flags, settings.prefix);
  const explanation = explainPath(requestId, path);
  const records = flags.records === true ? { records: path.map(({ kind, record: { topic, partition, offset, headers }, value }) => ({ kind, topic, partition, offset, headers, value })) } : {};
  if (flags.json === true) console.log(JSON.stringify({ ...explanation, ...records }));
  else console.log(explanationText(explanation, colorsFor(process.stdout, process.env)));
}

export function addExplainCommand(program: Command): void {
  const command = program.command('explain <request-id>').description('the path of one request: each decision with its reason, and where the time went')
    .option('--user <id>', 'of the request: reads its partition only')
    .option('--key <key>', 'the affinity key, where the request names a key and no user')
    .option('--since <moment>', 'look so far back: 2026-11-20T22:00Z, or so long ago: 2h (default: 1h)', moment)
    .option('--records', 'with --json: the records themselves too')
    .option('--json', 'machine-readable')
    .action(explain)
    .addHelpText('after', EXAMPLES);
  addSettingFlags(command, SETTINGS);
}

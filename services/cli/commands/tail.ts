import { once } from 'node:events';
import type { Command } from 'commander';
import { responseSchema, statusSchema, topicName, type Response, type Status } from '@tandem/schemas';
import type { SettingName } from '@tandem/shared/config';
import { jsonOf } from '@tandem/shared/core';
import { TandemError } from '@tandem/shared/errors';
import { partitionOfKey, type EventLog, type LogRecord } from '@tandem/shared/log';
import { colorsFor } from '../demo/colors.ts';
import { openLog, quietly } from '../open-log.ts';
import { count, duration, milliseconds, moment, someOf } from '../option-parsers.ts';
import { addSettingFlags, settingsOf } from '../setting-flags.ts';
import { follow, matches, responseLine, type Start } from '../tail/index.ts';
import { abortedBySignal } from '../until-signal.ts';

const SETTINGS: readonly SettingName[] = ['kafka', 'prefix', 'instance', 'logLevel'];
const EXAMPLES = `
Follows the topic responses until Ctrl-C, without a consumer group: nobody else notices. One line each on a terminal, JSON lines elsewhere
(--json and --text say which). --user reads that user's partition only; it is the affinity key of requests that name a user.
Exit code 1: --limit was not reached when --for or --no-follow ended it.

Examples:
  tandem tail --kafka 127.0.0.1:9092
  tandem tail --kafka 127.0.0.1:9092 --degraded --min-latency 100
  tandem tail --kafka 127.0.0.1:9092 --workload recommend --user 42 --since 2h --no-follow
  tandem tail --kafka 127.0.0.1:9092 --model recommend-large.int8 --limit 100 --for 30s --json | jq .latencyMs`;

interface Flags extends Record<string, unknown> {
  workload?: string;
  user?: string;
  status?: Status[];
  model?: string;
  degraded?: true;
  minLatency?: number;
  fromBeginning?: true;
  since?: number;
  follow: boolean;
  limit?: number;
  for?: number;
  json?: true;
  text?: true;
}

const LIMIT_NOT_REACHED = 1;

function startOf({ fromBeginning, since, follow: goesOn }: Flags): Start {
  if (fromBeginning === true && since !== undefined) throw new TandemError('name either --from-beginning or --since', { code: 'usage' });
  if (!goesOn && fromBeginning === undefined && since === undefined) throw new TandemError('--no-follow shows what was there: add --since 1h or --from-beginning', { code: 'usage' });
  if (since !== undefined) return { timestamp: since };
  return fromBeginning === true ? 'earliest' : 'latest';
}

/** Undefined: not a response of a version that is known here. */
function responseOf({ value }: LogRecord): Response | undefined {
  return responseSchema.safeParse(jsonOf(value)).data;
}

/** Where the responses to a user's requests lie. */
async function partitionOf(log: EventLog, topic: string, user: string | undefined): Promise<number | undefined> {
  return user === undefined ? undefined : partitionOfKey(user, (await log.admin.offsets(topic)).length);
}

/** Nothing piles up where the reader is slow. */
async function print(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain');
}

function ending(durationMs: number | undefined): AbortSignal {
  const stopped = abortedBySignal();
  return durationMs === undefined ? stopped : AbortSignal.any([stopped, AbortSignal.timeout(durationMs)]);
}

function tellThatItWaits({ message }: Error): void {
  console.error(`waiting: ${message}`);
}

async function tail(flags: Flags): Promise<void> {
  const settings = settingsOf(flags, quietly());
  const start = startOf(flags);
  const { workload, user, status: statuses, model, degraded = false, minLatency: minLatencyMs, limit = Infinity } = flags;
  const isText = flags.text === true || (flags.json !== true && process.stdout.isTTY);
  const colors = colorsFor(process.stdout, process.env);
  const signal = ending(flags.for);
  await using log = await openLog(settings, 'responses lie');
  const topic = topicName(settings.prefix, 'responses');
  const partition = await partitionOf(log, topic, user);
  let shown = 0;
  for await (const records of follow({ log, topic, start, partition, untilEnd: !flags.follow, signal, onAway: tellThatItWaits })) {
    for (const record of records) {
      const response = responseOf(record);
      if (response === undefined || !matches(response, { workload, user, statuses, model, degraded, minLatencyMs })) continue;
      await print(isText ? responseLine(response, colors) : JSON.stringify(response));
      if (++shown >= limit) return;
    }
  }
  if (shown === 0 && process.stderr.isTTY) console.error('No response matched.');
  if (flags.limit !== undefined && (flags.for !== undefined || !flags.follow)) process.exitCode = LIMIT_NOT_REACHED;
}

export function addTailCommand(program: Command): void {
  const command = program.command('tail').description('show responses as they come')
    .option('--workload <name>', 'of this workload')
    .option('--user <id>', 'to requests of this user')
    .option('--status <list>', `${statusSchema.options.join(', ')}; several with commas`, someOf(statusSchema.options))
    .option('--model <name>', 'with a step on this model, or model.precision')
    .option('--degraded', 'that are less than their plan, or not complete at all')
    .option('--min-latency <ms>', 'that took at least so long', milliseconds)
    .option('--from-beginning', 'all that the topic holds first')
    .option('--since <moment>', 'those since then first: 2026-11-20T22:00Z, or so long ago: 2h', moment)
    .option('--no-follow', 'end with what was there')
    .option('--limit <n>', 'end after so many', count)
    .option('--for <duration>', 'end after so long: 30s, 5m', duration)
    .option('--json', 'JSON lines, also on a terminal')
    .option('--text', 'a line for people each, also where nobody looks on')
    .action(tail)
    .addHelpText('after', EXAMPLES);
  addSettingFlags(command, SETTINGS);
}

import type { Command } from 'commander';
import { STAGE_NAMES, errorCodeSchema, topicName } from '@tandem/schemas';
import type { SettingName, Settings } from '@tandem/shared/config';
import {
  Newest, findLetter, matches, printable, replayLetters, scanLetters, shownValue, whyInVain,
  type DeadLetter, type LetterFilter, type ReplaySummary,
} from '@tandem/shared/dead-letters';
import { TandemError } from '@tandem/shared/errors';
import { expectBroker } from '../broker-listens.ts';
import { openPorts } from '../compose/ports.ts';
import { count, moment, oneOf } from '../option-parsers.ts';
import { ProgressLine, percent } from '../progress-line.ts';
import { addSettingFlags, settingsOf } from '../setting-flags.ts';
import { textTable } from '../table.ts';
import { abortedBySignal } from '../until-signal.ts';

const SETTINGS: readonly SettingName[] = ['kafka', 'prefix', 'models', 'workloads', 'logLevel'];
const LISTED = 100;
const MESSAGE_CHARACTERS = 60;
const NOTHING_DONE = 1;

interface Flags extends Record<string, unknown> {
  stage?: string;
  code?: string;
  topic?: string;
  since?: number;
  until?: number;
  limit?: number;
  json?: true;
}

interface ReplayFlags extends Flags {
  all?: true;
  force?: true;
  dryRun?: true;
}

const EXAMPLES = `
A dead letter's key is where its record stood: topic/partition/offset. docs/dead-letters.md says more.

Examples:
  tandem dead-letters list --kafka kafka:9092 --since 2h --code step_failed
  tandem dead-letters show tandem.requests/0/4711 --kafka kafka:9092
  tandem dead-letters replay --code unknown_item --dry-run --kafka kafka:9092
  tandem dead-letters replay tandem.requests/0/4711 --kafka kafka:9092`;

function brokerSettings(options: Flags): Settings & { kafka: string[] } {
  const settings = settingsOf(options);
  const { kafka } = settings;
  if (kafka !== undefined) return { ...settings, kafka };
  throw new TandemError('dead letters lie on a broker: --kafka host:port', { code: 'usage' });
}

function filterOf({ stage, code, topic, since, until }: Flags, keys: readonly string[] = []): LetterFilter {
  return { stage, code, topic, since, until, keys: keys.length === 0 ? undefined : new Set(keys) };
}

type Line = Omit<DeadLetter, 'value' | 'headers'> & { bytes: number };

function lineOf({ value, headers: _headers, ...rest }: DeadLetter): Line {
  return { ...rest, bytes: value?.byteLength ?? 0 };
}

function showList(lines: readonly Line[], seen: number, json: boolean): void {
  if (json) return console.log(JSON.stringify(lines));
  const rows = lines.map(({ key, time, stage, code, attempts, bytes, message }) =>
    [printable(key), new Date(time).toISOString(), printable(stage), printable(code), attempts, bytes, printable(message.slice(0, MESSAGE_CHARACTERS))]);
  console.log(textTable(['key', 'time', 'stage', 'code', 'attempts', 'bytes', 'message'], rows));
  if (seen > lines.length) console.log(`the newest ${lines.length} of ${seen}; --limit shows more`);
}

async function list(options: Flags): Promise<void> {
  const settings = brokerSettings(options);
  await expectBroker(settings.kafka);
  await using ports = await openPorts(settings, 'dead-letters');
  const { prefix } = settings;
  const newest = new Newest<Line>(options.limit ?? LISTED);
  const line = new ProgressLine();
  const onProgress = (read: number, all: number) => line.show(() => `reading dead letters: ${percent(read, all)}`);
  for await (const letter of scanLetters({ log: ports.log, topic: topicName(prefix, 'dead-letters'), since: options.since, onProgress })) {
    if (matches(letter, filterOf(options), prefix)) newest.add(lineOf(letter));
  }
  line.end();
  showList(newest.items, newest.seen, options.json === true);
}

function showLetter(letter: DeadLetter, whole: boolean, json: boolean): void {
  const { value: bytes, ...rest } = letter;
  const value = shownValue(bytes, whole);
  if (json) return console.log(JSON.stringify({ ...rest, value }));
  const { headers, ...fields } = rest;
  const named = { ...fields, time: new Date(letter.time).toISOString(), sourceKey: letter.sourceKey ?? '(none)' };
  for (const [name, field] of Object.entries(named)) console.log(`${name}: ${printable(String(field))}`);
  for (const [name, field] of Object.entries(headers)) console.log(`header ${printable(name)}: ${printable(field)}`);
  console.log(`value: ${value.bytes} bytes, ${value.encoding}${value.truncated ? ', the beginning (--whole shows all)' : ''}`);
  console.log(value.text);
}

async function show(key: string, options: Flags & { whole?: true }): Promise<void> {
  const settings = brokerSettings(options);
  await expectBroker(settings.kafka);
  await using ports = await openPorts(settings, 'dead-letters');
  const letter = await findLetter(ports.log, topicName(settings.prefix, 'dead-letters'), key);
  if (letter === undefined) throw new TandemError(`there is no dead letter ${key}; tandem dead-letters list shows what there is`, { code: 'not_found' });
  showLetter(letter, options.whole === true, options.json === true);
}

function showReplay({ replayed, refused, withoutTopic }: ReplaySummary, { dryRun, json }: ReplayFlags): void {
  const left = Object.values(refused).reduce((sum, times) => sum + times, 0) + withoutTopic;
  if (replayed === 0 && left > 0) process.exitCode = NOTHING_DONE;
  if (json === true) return console.log(JSON.stringify({ replayed, refused, withoutTopic, dryRun: dryRun === true }));
  console.log(`${replayed} ${dryRun === true ? 'would be put back' : 'put back on their topics'}`);
  for (const [code, times] of Object.entries(refused)) console.log(`${times} left alone: ${code}: ${whyInVain(code)} (--force puts them back all the same)`);
  if (withoutTopic > 0) console.log(`${withoutTopic} left alone: their topic is gone`);
}

function isUnlimited(keys: readonly string[], { stage, code, topic, since, until, all }: ReplayFlags): boolean {
  return keys.length === 0 && [stage, code, topic, since, until, all].every((given) => given === undefined);
}

async function replay(keys: readonly string[], options: ReplayFlags): Promise<void> {
  const settings = brokerSettings(options);
  if (isUnlimited(keys, options)) throw new TandemError('say which dead letters: keys, or a filter such as --code or --since, or --all', { code: 'usage' });
  await expectBroker(settings.kafka);
  await using ports = await openPorts(settings, 'dead-letters');
  const line = new ProgressLine();
  const summary = await replayLetters({
    ...ports,
    prefix: settings.prefix,
    topic: topicName(settings.prefix, 'dead-letters'),
    filter: filterOf(options, keys),
    limit: options.limit ?? Infinity,
    force: options.force === true,
    dryRun: options.dryRun === true,
    // Ends after the batch that is under way: nothing is put back twice.
    signal: abortedBySignal(),
    onProgress: ({ replayed, read, all }) => line.show(() => `put back ${replayed}; read ${percent(read, all)}`),
  });
  line.end();
  showReplay(summary, options);
}

function withFilters(command: Command): Command {
  return command
    .option('--stage <name>', 'that gave the record up', oneOf(STAGE_NAMES))
    .option('--code <code>', 'as in docs/codes.md', oneOf(errorCodeSchema.options))
    .option('--topic <name>', 'that the record came from, with or without the prefix')
    .option('--since <moment>', 'put there at or after it: 2026-11-20T22:00Z, or so long ago: 2h', moment)
    .option('--until <moment>', 'put there before it', moment);
}

export function addDeadLettersCommand(program: Command): void {
  const group = program.command('dead-letters').description('records that a stage could not handle').addHelpText('after', EXAMPLES);
  const commands = [
    withFilters(group.command('list')).description('the newest dead letters')
      .option('--limit <n>', `at most so many (default: ${LISTED})`, count).action(list),
    group.command('show <key>').description('headers and value of one')
      .option('--whole', 'the whole value, however long').action(show),
    withFilters(group.command('replay [keys...]')).description('put records back where they came from, and delete their dead letters')
      .option('--limit <n>', 'at most so many', count)
      .option('--all', 'without a filter: all that may succeed')
      .option('--force', 'also those that will fail in the same way again')
      .option('--dry-run', 'only count').action(replay),
  ];
  for (const command of commands) addSettingFlags(command.option('--json', 'machine-readable'), SETTINGS);
}

import { InvalidArgumentError, type Command } from 'commander';
import { STAGE_NAMES, topicName } from '@tandem/schemas';
import type { SettingName, Settings } from '@tandem/shared/config';
import { TandemError } from '@tandem/shared/errors';
import {
  BackfillJob, createBackfillView, DEFAULT_IN_FLIGHT, DEFAULT_PATIENCE_MS, diskFiles, openFile, openReplay, openStandardInput, parseReplay, parseWindow,
  pathsOf, resolveReplay, summaryText, type BackfillOptions, type BackfillSummary,
} from '../backfill/index.ts';
import { openPorts, type Ports } from '../compose/ports.ts';
import { System } from '../compose/system.ts';
import { ensureTopology } from '../compose/topology.ts';
import { colorsFor } from '../demo/colors.ts';
import { addSettingFlags, settingsOf } from '../setting-flags.ts';
import { untilSignal } from '../until-signal.ts';

const EXAMPLES = `
Requests are JSON, one a line, as on the topic requests (gzipped or not); one without a requestId gets <job>-<line>. They go to the bulk
lane, which takes what interactive requests leave. Each response becomes a line of the output as it comes, in any order. Lines that are
not requests are in <output>.errors.jsonl with number and code; they do not stop the job.

Killed at any moment, the same command goes on: nothing is lost or answered twice in the output. <output>.state.json belongs to it; with
another input it is refused (--restart begins anew; requests with ids of their own are refused as repeated for an hour then, so give
--id-suffix). Exit code 0: every valid line has a response, whatever its status.

--replay-from takes requests from the topic requests instead: by time, or from offsets (0:100-199,1:0-99: partition, first, last). Their
ids count as answered, so each gets a suffix; deadlines of their own are left out (--keep-deadlines keeps them), and features are as of
the time at which they came.

Without --kafka the whole flow runs inside this process, for as long as the job takes.

Examples:
  tandem backfill --kafka kafka:9092 --input requests.jsonl.gz --output responses.jsonl
  zcat *.gz | tandem backfill --kafka kafka:9092 --input - --job night-1 --output responses.jsonl --rate 500
  tandem backfill --kafka kafka:9092 --input requests.jsonl --output responses.jsonl --window 22:00-06:00 --when-idle
  tandem backfill --kafka kafka:9092 --replay-from 2026-11-20T22:00Z --replay-to 2026-11-20T23:00Z --output again.jsonl
  tandem backfill --input requests.jsonl --output responses.jsonl`;

const SETTINGS: readonly SettingName[] = [
  'kafka', 'redis', 'prefix', 'partitions', 'replication', 'models', 'workloads', 'policy', 'precision', 'variants', 'threads', 'bulkThreads', 'logLevel',
];
const SHOW_EVERY_MS = 250;
const UNFINISHED = 1;

interface Flags extends Record<string, unknown> {
  input?: string;
  output: string;
  replayFrom?: string;
  replayTo?: string;
  keepDeadlines: boolean;
  job?: string;
  idSuffix?: string;
  rate?: number;
  window?: string;
  whenIdle: boolean;
  inFlight: number;
  patience: number;
  restart: boolean;
  json: boolean;
}

function positive(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('a number above 0 is expected.');
  return value;
}

function count(text: string): number {
  const value = positive(text);
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('a whole number above 0 is expected.');
  return value;
}

function name(text: string): string {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(text)) throw new InvalidArgumentError('letters, digits, points, hyphens and underscores, at most 64, are expected.');
  return text;
}

function inputOf(flags: Flags, settings: Settings, { log }: Ports): BackfillOptions['openInput'] {
  const { input, replayFrom, replayTo } = flags;
  if ((input === undefined) === (replayFrom === undefined)) throw new TandemError('name either --input or --replay-from', { code: 'usage' });
  if (input === '-') return async () => ({ source: openStandardInput(process.stdin as AsyncIterable<Buffer>) });
  if (input !== undefined) return async () => ({ source: await openFile(input) });
  if (settings.kafka === undefined) throw new TandemError('--replay-from reads a Kafka log: --kafka host:port', { code: 'usage' });
  const [spec, topic] = [parseReplay(replayFrom ?? '', replayTo), topicName(settings.prefix, 'requests')];
  return async (known) => {
    const ranges = known === undefined ? await resolveReplay(log, topic, spec) : [...known];
    return { source: openReplay(log, topic, ranges, `${replayFrom} to ${replayTo ?? 'now'}`), ranges };
  };
}

function jobOptions(flags: Flags, settings: Settings, ports: Ports): BackfillOptions {
  const { output, job, rate, window, whenIdle, inFlight, patience, restart, keepDeadlines, replayFrom } = flags;
  const isReplay = replayFrom !== undefined;
  return {
    log: ports.log, prefix: settings.prefix, files: diskFiles(pathsOf(output)), openInput: inputOf(flags, settings, ports),
    job, rate, whenIdle, inFlight, restart, patienceMs: patience * 1_000,
    idSuffix: flags.idSuffix ?? (isReplay ? true : undefined),
    dropDeadlines: isReplay && !keepDeadlines,
    window: window === undefined ? undefined : parseWindow(window),
    onFault: (error) => ports.logger.warn({ err: error }, 'reading telemetry failed; trying again'),
  };
}

async function runJob(job: BackfillJob, flags: Flags, signal: AbortSignal): Promise<BackfillSummary> {
  const view = createBackfillView(process.stderr, `backfill ${job.progress.job}: ${flags.input ?? 'replay'} → ${flags.output}`, colorsFor(process.stderr, process.env));
  const timer = setInterval(() => view.show(job.progress), SHOW_EVERY_MS);
  try {
    return await job.run(signal);
  } finally {
    clearInterval(timer);
    view.close();
  }
}

async function backfill(flags: Flags): Promise<void> {
  const embedded: Record<string, unknown> = process.env['TANDEM_KAFKA'] === undefined && flags['kafka'] === undefined ? { httpPort: 0 } : {};
  const settings = settingsOf(flags, { ...embedded, ...(process.env['TANDEM_LOG_LEVEL'] === undefined ? { logLevel: 'warn' } : {}) });
  const stopped = new AbortController();
  void untilSignal().then(() => {
    stopped.abort();
    process.stdin.destroy();
  });
  await using ports = await openPorts(settings, 'backfill');
  const options = jobOptions(flags, settings, ports);
  await ensureTopology(settings, ports);
  await using _system = settings.kafka === undefined ? await System.start(STAGE_NAMES, settings, ports) : undefined;
  const summary = await runJob(await BackfillJob.open(options), flags, stopped.signal);
  if (flags.json) console.log(JSON.stringify(summary));
  else console.log(summaryText(summary, flags.output));
  if (flags.input === '-') process.stdin.destroy();
  process.exitCode = summary.complete ? 0 : UNFINISHED;
}

export function addBackfillCommand(program: Command): void {
  const command = program.command('backfill')
    .description('answer a file of requests, or requests of the past, with what interactive requests leave')
    .option('--input <file>', 'JSON lines, gzipped or not; -: standard input')
    .requiredOption('--output <file>', 'a response a line; .state.json and .errors.jsonl are beside it')
    .option('--replay-from <time|offsets>', 'requests of the log instead of a file')
    .option('--replay-to <time>', 'up to this time, exclusive; default: now')
    .option('--keep-deadlines', 'of replayed requests', false)
    .option('--job <name>', 'in the ids of requests that have none; default: from the input', name)
    .option('--id-suffix <text>', 'behind every request id; default: none, -<job> for a replay', name)
    .option('--rate <n>', 'requests per second; default: as many as the flow takes', positive)
    .option('--window <from-to>', 'hours of the day, local time, as 22:00-06:00: nothing is sent outside')
    .option('--when-idle', 'send only while workers have next to no interactive requests', false)
    .option('--in-flight <n>', 'requests that are sent and not answered, at most', count, DEFAULT_IN_FLIGHT)
    .option('--patience <seconds>', 'give up when nothing comes back for so long', positive, DEFAULT_PATIENCE_MS / 1_000)
    .option('--restart', 'overwrite the output and begin anew', false)
    .option('--json', 'the summary as one JSON object on standard output', false)
    .action(backfill)
    .addHelpText('after', EXAMPLES);
  addSettingFlags(command, SETTINGS);
}

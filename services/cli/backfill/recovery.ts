import { randomUUID } from 'node:crypto';
import { topicName } from '@tandem/schemas';
import { TandemError } from '@tandem/shared/errors';
import type { InputSource } from './input.ts';
import { Ledger } from './ledger.ts';
import { readLines } from './line-reader.ts';
import type { CompleteBackfillOptions } from './options.ts';
import { readResponse, requestIdOf } from './read-response.ts';
import { newState, parseState, type BackfillState } from './state.ts';
import { TopicFollower, endsOf } from './topic-follower.ts';

/** Of requests: the job that sent them. */
export const JOB_HEADER = 'tandem-job';

export interface Prepared {
  state: BackfillState;
  ledger: Ledger;
  source: InputSource;
  resumed: boolean;
}

/**
 * A new job, or one that goes on where its process ended.
 * @throws {TandemError} `output_exists`, `input_changed`, `output_changed`, `log_changed`, `state_unreadable`, `input_unreadable`
 */
export async function prepare(options: CompleteBackfillOptions): Promise<Prepared> {
  const { files, restart } = options;
  const text = restart ? undefined : await files.readState();
  if (text !== undefined) return resume(parseState(text), options);
  if (!restart && ((await files.outputSize()) ?? 0) > 0) {
    throw new TandemError('the output is there already, and no state beside it: choose another --output, or --restart to overwrite it', { code: 'output_exists' });
  }
  return begin(options);
}

async function begin(options: CompleteBackfillOptions): Promise<Prepared> {
  const { files, log, prefix, restart, openInput } = options;
  const { source, ranges } = await openInput(undefined);
  // The ids of the job before would count as repeated.
  const job = options.job ?? (restart ? `${source.defaultJob}-${randomUUID().slice(0, 4)}` : source.defaultJob);
  const starts = {
    requests: await endsOf(log, topicName(prefix, 'requests.bulk')),
    responses: await endsOf(log, topicName(prefix, 'responses')),
    deadLetters: await endsOf(log, topicName(prefix, 'dead-letters')),
  };
  const state = newState({
    job, fingerprint: source.fingerprint, idSuffix: suffix(options, job), prefix, durable: log.durable,
    ...(ranges === undefined ? {} : { ranges }),
    starts, responses: starts.responses, outputBytes: 0, answered: 0, savedAt: new Date(options.clock.now()).toISOString(),
  });
  await files.openOutput(0);
  await files.writeState(JSON.stringify(state));
  return { state, ledger: new Ledger(), source, resumed: false };
}

function suffix({ idSuffix = '' }: CompleteBackfillOptions, job: string): string {
  return idSuffix === true ? `-${job}` : idSuffix;
}

async function resume(state: BackfillState, options: CompleteBackfillOptions): Promise<Prepared> {
  const { files, log, prefix } = options;
  const { source } = await options.openInput(state.ranges);
  checkSame(state, source, options);
  if (((await files.outputSize()) ?? 0) < state.outputBytes) {
    throw new TandemError('the output is shorter than this job has written: it was changed. --restart begins anew', { code: 'output_changed' });
  }
  // What was written after the state was saved comes again from the log; a torn last line goes with it.
  await files.openOutput(state.outputBytes);
  const ledger = new Ledger();
  await recallAnswers(files.readOutput(), ledger);
  if (state.durable && log.durable) {
    await checkLog(state, options);
    await recallRequests(state, options, ledger);
    return { state, ledger, source, resumed: true };
  }
  // That log has gone with its process: what has no answer is sent again, and answered in this one.
  const responses = await endsOf(log, topicName(prefix, 'responses'));
  const starts = { requests: await endsOf(log, topicName(prefix, 'requests.bulk')), responses, deadLetters: await endsOf(log, topicName(prefix, 'dead-letters')) };
  return { state: { ...state, durable: log.durable, starts, responses }, ledger, source, resumed: true };
}

function checkSame(state: BackfillState, source: InputSource, { job, prefix, idSuffix }: CompleteBackfillOptions): void {
  const differs = (what: string, was: string, is: string) =>
    new TandemError(`${what} is not that of the job that began: it was ${was}, and is ${is}. --restart begins anew`, { code: 'input_changed' });
  if (source.fingerprint !== state.fingerprint) throw differs('the input', state.fingerprint, source.fingerprint);
  if (prefix !== state.prefix) throw differs('--prefix', state.prefix, prefix);
  if (job !== undefined && job !== state.job) throw differs('--job', state.job, job);
  if (typeof idSuffix === 'string' && idSuffix !== state.idSuffix) throw differs('--id-suffix', state.idSuffix, idSuffix);
  if (!source.repeatable && job === undefined) {
    throw new TandemError(`to resume, offer the same lines on ${source.description} again and add --job ${state.job}; --restart begins anew`, { code: 'input_changed' });
  }
}

async function recallAnswers(output: AsyncIterable<Buffer>, ledger: Ledger): Promise<void> {
  for await (const lines of readLines(output, Infinity)) {
    for (const { bytes } of lines) {
      const response = readResponse(bytes ?? null);
      if (response === undefined) continue;
      ledger.markSent(response.requestId);
      ledger.markAnswered(response);
    }
  }
  ledger.answeredBefore = ledger.answered;
}

/** Another cluster, or a topic made anew, would give answers to other questions. */
async function checkLog({ starts }: BackfillState, { log, prefix }: CompleteBackfillOptions): Promise<void> {
  const ends = await endsOf(log, topicName(prefix, 'responses'));
  if (starts.responses.every((start, partition) => start <= (ends[partition] ?? -1))) return;
  throw new TandemError('the log is not the one that the job began with: its topics are shorter. --restart begins anew', { code: 'log_changed' });
}

/** The log itself knows what was sent, also what was not yet acknowledged when the process ended. */
async function recallRequests(state: BackfillState, { log, prefix }: CompleteBackfillOptions, ledger: Ledger): Promise<void> {
  const follower = new TopicFollower(log, topicName(prefix, 'requests.bulk'), state.starts.requests);
  await follower.poll(async (records) => {
    for (const record of records) {
      const requestId = record.headers[JOB_HEADER] === state.job ? requestIdOf(record) : undefined;
      if (requestId !== undefined) ledger.markSent(requestId);
    }
  });
  ledger.sentBefore = ledger.sent;
}

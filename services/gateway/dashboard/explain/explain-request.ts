import { HEADER, workTopicName, type Outcome, type Response, type ResponseStep, type Task, type TaskRecord, type Work } from '@tandem/schemas';
import type { LogRecord } from '@tandem/shared/log';
import type { DecisionLine, Explanation } from './explanation.ts';
import { findResponse, kindTopic, recordAt, recordsOf, type Place, type Searching } from './find-records.ts';
import { spansOf, type Stamps } from './spans.ts';

export interface ExplainOptions extends Searching {
  requestId: string;
  /** Of its response, where it is known: spares the search. */
  place?: Place | undefined;
  titles: ReadonlyMap<string, string>;
}

const ITEMS = 10;
/** Appends of a moment are stamped out of order between partitions' leaders. */
const SLACK_MS = 2_000;

/**
 * What became of a request, and why, from the records that it left in the log.
 * @returns undefined: there is no response of the last quarter of an hour to it
 */
export async function explainRequest(options: ExplainOptions): Promise<Explanation | undefined> {
  const record = await responseRecord(options);
  if (record?.value == null) return undefined;
  const response = JSON.parse(record.value.toString('utf8')) as Response;
  const request = await requestRecord(options, record);
  const askedAt = request?.timestamp ?? response.time - response.latencyMs;
  const stamps = await stampsOf(options, record, response, askedAt);
  const { task } = stamps;
  return {
    response,
    partition: record.partition,
    offset: record.offset,
    task: task === undefined ? null : {
      kind: task.task, tier: task.tier, lane: task.lane, plan: task.plan.steps.map(({ id, model }) => `${id}: ${model}`),
      deadlineMs: task.deadlineAt === null ? null : task.deadlineAt - task.arrivedAt, accuracyFloor: task.accuracyFloor, activity: task.activity,
    },
    spans: spansOf(response, stamps),
    decisions: response.steps.map((step) => decisionOf(step, stamps)),
    items: itemsOf(response, options.titles),
    notes: notesOf(request, stamps),
  };
}

async function responseRecord(options: ExplainOptions): Promise<LogRecord | undefined> {
  const { place, requestId } = options;
  const known = place === undefined ? undefined : await recordAt(options, kindTopic(options, 'responses'), place);
  if (known?.headers[HEADER.requestId] === requestId || (known?.value?.includes(JSON.stringify(requestId)) ?? false)) return known;
  return findResponse(options, requestId);
}

async function requestRecord(options: ExplainOptions, { headers }: LogRecord): Promise<LogRecord | undefined> {
  const source = headers[HEADER.source]?.split('/') ?? [];
  const [topic = '', partition, offset] = [source.slice(0, -2).join('/'), Number(source.at(-2)), Number(source.at(-1))];
  const topics = [kindTopic(options, 'requests'), kindTopic(options, 'requests.bulk')];
  if (!topics.includes(topic) || !Number.isSafeInteger(partition) || !Number.isSafeInteger(offset)) return undefined;
  return recordAt(options, topic, { partition, offset });
}

/** All topics of the flow keep a key's records in the partition of that number. */
async function stampsOf(options: ExplainOptions, { partition, timestamp }: LogRecord, response: Response, askedAt: number): Promise<Stamps> {
  const { requestId } = response;
  const [from, to] = [askedAt - SLACK_MS, timestamp + SLACK_MS];
  const read = (topic: string) => recordsOf(options, topic, partition, requestId, from, to).catch(() => []);
  const workTopics = new Set(response.steps.flatMap(({ model, precision, pool }) => namesOf(options.prefix, { model, precision, pool })));
  const [tasks, outcomes, ...works] = await Promise.all([read(kindTopic(options, 'tasks')), read(kindTopic(options, 'outcomes')), ...[...workTopics].map(read)]);
  const task = tasks.map((record) => ({ at: record.timestamp, task: parse<TaskRecord>(record) })).find((found) => found.task?.requestId === requestId && !('cancel' in found.task));
  return {
    askedAt,
    answeredAt: timestamp,
    task: task?.task as Task | undefined,
    taskAt: task?.at,
    works: works.flat().flatMap((record) => workOf(record, requestId)),
    outcomes: outcomes.flatMap((record) => outcomeOf(record, requestId)),
  };
}

function namesOf(prefix: string, variant: { model: string; precision: string; pool: string | undefined }): string[] {
  try {
    return (['interactive', 'bulk'] as const).map((lane) => workTopicName(prefix, lane, variant));
  } catch {
    return [];
  }
}

function workOf(record: LogRecord, requestId: string): Stamps['works'] {
  const work = parse<Work>(record);
  return work?.task?.requestId === requestId ? [{ at: record.timestamp, step: work.step, work }] : [];
}

function outcomeOf(record: LogRecord, requestId: string): Stamps['outcomes'] {
  const outcome = parse<Outcome>(record);
  return outcome?.requestId === requestId && outcome.kind !== 'rejected' ? [{ at: record.timestamp, step: outcome.step, kind: outcome.kind }] : [];
}

/** What the policy predicted, if it said so: in a field of its own, or in the reason. */
function predictionOf(reason: string, work: object | undefined): number | null {
  const field = (work as { predictedMs?: unknown } | undefined)?.predictedMs;
  if (typeof field === 'number') return field;
  const told = /(?:predicted|expected|done in|finish(?:es)? in)\D{0,12}(\d+(?:\.\d+)?) ms/.exec(reason)?.[1];
  return told === undefined ? null : Number(told);
}

function decisionOf(step: ResponseStep, { works }: Stamps): DecisionLine {
  const { batchSize, cached, queueMs, computeMs, reason, model, precision } = step;
  const work = works.findLast((sent) => sent.step === step.step)?.work;
  const ran = batchSize > 0 || cached === true;
  return {
    step: step.step, reason, batchSize,
    chosen: `${model}.${precision}`,
    predictedMs: predictionOf(reason, (step as { predictedMs?: unknown }).predictedMs === undefined ? work : step),
    actualMs: ran ? queueMs + computeMs : null,
    outcome: cached === true ? 'kept result' : ran ? 'ran' : 'not run',
  };
}

function itemsOf({ result }: Response, titles: ReadonlyMap<string, string>): Explanation['items'] {
  if (result === undefined || !('items' in result)) return [];
  return result.items.slice(0, ITEMS).map(({ itemId, score }) => ({ itemId, score, title: titles.get(itemId) ?? null }));
}

function notesOf(request: LogRecord | undefined, { task, works, outcomes }: Stamps): string[] {
  const notes: string[] = [];
  if (request === undefined) notes.push('The request itself is not in the log any more, or its response does not say where it lay.');
  if (task === undefined) notes.push('No task of it is in the log: classifier and scheduler run chained and handed it on in memory, or it was rejected.');
  else if (works.length === 0 && outcomes.length > 0) notes.push('Its work was handed on in memory: scheduler and worker run chained.');
  return notes;
}

function parse<Value>({ value }: LogRecord): Value | undefined {
  try {
    return JSON.parse(value?.toString('utf8') ?? '') as Value;
  } catch {
    return undefined;
  }
}

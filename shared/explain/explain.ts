import { DEAD_LETTER_HEADER, type Outcome, type Request, type Response, type Task, type Work } from '@tandem/schemas';
import { decisionsOf } from './decisions.ts';
import type { Explanation, PathEvent, PathRecord } from './types.ts';
import { waterfallOf } from './waterfall.ts';

/** Makes of a request's records what a person wants to know. Pure. */
export function explainPath(requestId: string, path: readonly PathRecord[]): Explanation {
  const task = path.find(({ kind }) => kind === 'task')?.value as Task | undefined;
  const request = path.find(({ kind }) => kind === 'request');
  const responses = path.filter(({ kind }) => kind === 'response').map(({ value }) => value as Response).sort((a, b) => a.sequence - b.sequence);
  const arrivedAt = task?.arrivedAt ?? request?.record.timestamp ?? arrivalOf(responses.at(-1));
  const workload = task?.workload ?? (request?.value as Partial<Request> | undefined)?.workload ?? responses[0]?.workload;
  const userId = task?.userId ?? (request?.value as Partial<Request> | undefined)?.userId ?? responses[0]?.userId;
  return {
    requestId,
    ...(workload === undefined ? {} : { workload }),
    ...(userId === undefined ? {} : { userId }),
    ...(arrivedAt === undefined ? {} : { arrivedAt }),
    ...(task === undefined ? {} : { deadlineAt: task.deadlineAt }),
    events: path.map(eventOf),
    decisions: decisionsOf(path),
    waterfall: waterfallOf(path, arrivedAt),
    responses,
    notes: notesOf(path),
  };
}

function arrivalOf(response: Response | undefined): number | undefined {
  return response === undefined ? undefined : response.time - response.latencyMs;
}

function eventOf({ kind, record: { topic, partition, offset, timestamp: time, headers }, value }: PathRecord): PathEvent {
  return { kind, time, topic, partition, offset, what: wordsFor(kind, value, headers) };
}

function wordsFor(kind: PathRecord['kind'], value: unknown, headers: Readonly<Record<string, string>>): string {
  switch (kind) {
    case 'work': return `${(value as Work).step} for ${(value as Work).model}.${(value as Work).precision}`;
    case 'outcome': return outcomeWords(value as Outcome);
    case 'response': return `${(value as Response).status}${(value as Response).final ? '' : ', provisional'}`;
    case 'dead-letter': return headers[DEAD_LETTER_HEADER.code] ?? '';
    case 'task': return (value as Task).task;
    default: return '';
  }
}

function outcomeWords(outcome: Outcome): string {
  return outcome.kind === 'rejected' ? `rejected: ${outcome.code}` : `${outcome.step} ${outcome.kind}`;
}

/** What is missing on the path, and why that may be. */
function notesOf(path: readonly PathRecord[]): string[] {
  const has = (kind: PathRecord['kind']) => path.some((entry) => entry.kind === kind);
  const isFinal = path.some(({ kind, value }) => kind === 'response' && (value as Response).final);
  const isRejected = path.some(({ kind, value }) => kind === 'response' && (value as Response).status === 'rejected');
  const notes: string[] = [];
  if (!has('request') && path.length > 0) notes.push('the request itself is not in the log any more (retention)');
  if (isFinal && !isRejected && !has('task')) notes.push('no task: the stages are chained, and hand on in memory what else goes through topics (docs/chaining.md)');
  else if (isFinal && has('task') && !has('outcome')) notes.push('no outcome: scheduler, workers and fusion are chained, or it was answered before any step was');
  if (path.length > 0 && !isFinal) notes.push(has('dead-letter') ? 'no response: the record is a dead letter' : 'no final response yet: it is on its way, or its deadline is still to come');
  return notes;
}

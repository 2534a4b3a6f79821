import { CARRIED_HEADERS, DEAD_LETTER_HEADER, HEADER, RETRY_HEADER, SCHEMA_VERSION } from '../index.ts';
import { publicSchemas } from './json-schemas.ts';

/** What travels on a topic. The names are those that topology.ts gives under `schema`. */
export interface Message {
  name: string;
  summary: string;
  /** Internal records are types without a run-time schema: this is where to read them. */
  source?: string;
  headers: 'flow' | 'dead-letter' | 'retry';
  /** Any bytes. */
  raw?: true;
}

const internal = (name: string, file: string, summary: string): Message =>
  ({ name, summary, source: `schemas/${file}`, headers: 'flow' });
const open = (name: string): Message => ({ name, summary: summaryOf(name), headers: 'flow' });

export const messages: readonly Message[] = [
  open('Request'),
  open('Cancel'),
  open('Interaction'),
  open('Erasure'),
  internal('Task', 'classifier-to-scheduler.ts', 'A request made self-contained.'),
  internal('Work', 'scheduler-to-worker.ts', 'One step of a task for one variant.'),
  internal('Outcome', 'outcomes.ts', 'What became of one step.'),
  open('Response'),
  internal('Heartbeat', 'worker-to-telemetry.ts', 'Load and resources of one worker process.'),
  internal('ErasureNotice', 'worker-to-telemetry.ts', 'A user was erased: workers forget what they keep of him.'),
  internal('SuspectsNotice', 'worker-to-telemetry.ts', 'Work that may end its process, and runs on a worker now.'),
  internal('SchedulerReport', 'worker-to-telemetry.ts', 'What one scheduler has decided so far.'),
  internal('ExperimentReport', 'experiment.ts', 'What one process of fusion has counted of an experiment’s arms.'),
  open('Variant'),
  open('Control'),
  open('AuditEntry'),
  { name: 'record to retry', summary: 'A record whose handling failed for the time being, as it was read.', headers: 'retry', raw: true },
  { name: 'original bytes', summary: 'A record that could not be handled, as it was read.', headers: 'dead-letter', raw: true },
];

function summaryOf(title: string): string {
  const found = publicSchemas.find((schema) => schema.title === title);
  if (found === undefined) throw new Error(`no public schema is called ${title}`);
  return found.description;
}

const flowHeaders: Record<keyof typeof HEADER, string> = {
  schemaVersion: `Version of the message's shape, now ${SCHEMA_VERSION}. Absent: ${SCHEMA_VERSION}.`,
  traceparent: 'W3C trace context.',
  tracestate: 'W3C trace context.',
  replyTo: 'For the sender: comes back on the response. gateway/<partition>/<name>: a copy of the response goes to that partition of the topic replies.',
  tenant: 'On whose behalf.',
  requestId: 'Of responses: the id of the request, to filter and deduplicate without reading the value.',
  source: 'Of responses: topic/partition/offset of the request.',
  provisional: 'Of responses that are not final.',
  replayOf: 'Of records put back from the dead letters: topic/partition/offset where it stood first.',
  originTime: 'Inside only, of records that a chain of stages wrote to read them again: when what led to them was appended, epoch ms.',
};

const deadLetterHeaders: Record<keyof typeof DEAD_LETTER_HEADER, string> = {
  sourceTopic: 'Topic that the record was read from.',
  sourcePartition: 'Its partition.',
  sourceOffset: 'Its offset.',
  sourceKey: 'Its key; absent where it had none.',
  stage: 'Stage that gave up.',
  code: 'Stable error code.',
  message: 'What is wrong, for a person.',
  attempts: 'How often it was tried.',
  time: 'When it was given up, epoch ms.',
};

const retryHeaders: Record<keyof typeof RETRY_HEADER, string> = {
  topic: 'Topic that the record was read from.',
  partition: 'Its partition.',
  offset: 'Its offset.',
  timestamp: 'Its timestamp, epoch ms.',
  attempts: 'How often it has been tried.',
  deliveries: 'How often it has been delivered; each delivery is tried a few times.',
  notBefore: 'When it is tried again, epoch ms.',
};

export interface HeaderField {
  name: string;
  description: string;
}

/** Header fields of a kind of message. Kafka headers are bytes; these are all UTF-8 text. */
export function headerFields(kind: Message['headers']): HeaderField[] {
  const flow = entries(HEADER).map(([key, name]) => ({ name, description: carriedNote(name) + flowHeaders[key] }));
  switch (kind) {
    case 'flow': return flow;
    case 'dead-letter': return [...entries(DEAD_LETTER_HEADER).map(([key, name]) => ({ name, description: deadLetterHeaders[key] })), ...flow];
    case 'retry': return [...entries(RETRY_HEADER).map(([key, name]) => ({ name, description: retryHeaders[key] })), ...flow];
  }
}

function carriedNote(name: string): string {
  return CARRIED_HEADERS.includes(name) ? 'Carried through every stage. ' : '';
}

function entries<Key extends string>(record: Readonly<Record<Key, string>>): [Key, string][] {
  return Object.entries(record) as [Key, string][];
}

import { SCHEMA_VERSION } from '../index.ts';
import { publicSchemas, toJsonSchema, type JsonSchema } from './json-schemas.ts';
import { headerFields, messages, type Message } from './messages.ts';
import { documentedTopics, type DocumentedTopic } from './topics.ts';

const BINDING_VERSION = '0.5.0';
const STAGES = ['classifier', 'scheduler', 'worker', 'fusion', 'every stage'];

/** The AsyncAPI 3.0 document of the default deployment: what each stage sends and receives, and how topics are set up. */
export function asyncApiDocument(): JsonSchema {
  const topics = documentedTopics();
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Tandem',
      version: SCHEMA_VERSION,
      description: 'Inference requests in, answers out, over Kafka. Values are JSON in UTF-8. Topic names begin with a prefix, here the default one.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/json',
    channels: Object.fromEntries(topics.map((topic) => [topic.id, channel(topic)])),
    operations: Object.fromEntries(topics.flatMap(operations)),
    components: {
      messages: Object.fromEntries(messages.map((message) => [messageId(message.name), component(message, topics)])),
      schemas: schemas(),
    },
  };
}

function channel(topic: DocumentedTopic): JsonSchema {
  const parameters = Object.entries(topic.parameters).map(([name, description]) => [name, { description }] as const);
  return {
    address: topic.name,
    description: describe(topic),
    messages: Object.fromEntries(namesOf(topic).map((name) => [messageId(name), { $ref: `#/components/messages/${messageId(name)}` }])),
    ...(parameters.length > 0 && { parameters: Object.fromEntries(parameters) }),
    bindings: { kafka: channelBinding(topic) },
  };
}

function describe({ producer, consumer, key, timestamps }: DocumentedTopic): string {
  const stamp = timestamps === 'append' ? ' The broker stamps its append time; deadlines count from it.' : '';
  return `Written by ${producer}, read by ${consumer}. Key: ${key}.${stamp}`;
}

function channelBinding(topic: DocumentedTopic): JsonSchema {
  return {
    partitions: topic.partitions,
    topicConfiguration: {
      'cleanup.policy': topic.cleanup.split(','),
      ...(topic.cleanup !== 'compact' && { 'retention.ms': topic.retentionMs }),
      'max.message.bytes': topic.maxRecordBytes,
    },
    bindingVersion: BINDING_VERSION,
  };
}

function operations(topic: DocumentedTopic): [string, JsonSchema][] {
  const of = (people: string, action: 'send' | 'receive'): [string, JsonSchema][] =>
    people.split(', ').filter((name) => STAGES.includes(name)).map((stage) => [
      `${stage.replaceAll(' ', '-')}-${action}-${topic.id}`,
      operation(topic, stage, action),
    ]);
  return [...of(topic.producer, 'send'), ...of(topic.consumer, 'receive')];
}

function operation(topic: DocumentedTopic, stage: string, action: 'send' | 'receive'): JsonSchema {
  return {
    action,
    channel: { $ref: `#/channels/${topic.id}` },
    summary: `${stage} ${action === 'send' ? 'writes' : 'reads'} ${topic.name}`,
    tags: [{ name: stage }],
    messages: namesOf(topic).map((name) => ({ $ref: `#/channels/${topic.id}/messages/${messageId(name)}` })),
  };
}

function component(message: Message, topics: readonly DocumentedTopic[]): JsonSchema {
  const keys = new Set(topics.filter((topic) => namesOf(topic).includes(message.name)).map(({ key }) => key));
  const raw = message.raw === true;
  const payload = message.source === undefined && !raw
    ? { $ref: `#/components/schemas/${message.name}` }
    : raw ? { description: 'Any bytes.' } : { type: 'object', description: `Internal to Tandem: see ${message.source}.` };
  return {
    name: messageId(message.name),
    summary: message.summary,
    ...(raw && { contentType: 'application/octet-stream' }),
    headers: { $ref: `#/components/schemas/${message.headers}-headers` },
    payload,
    bindings: { kafka: { key: { type: 'string', description: [...keys].join(', ') }, bindingVersion: BINDING_VERSION } },
  };
}

function schemas(): JsonSchema {
  const named = new Set(messages.map(({ name }) => name));
  const payloads = publicSchemas.filter(({ title }) => named.has(title)).map((schema) => {
    const { $schema: _, ...body } = toJsonSchema(schema, 'draft-7');
    return [schema.title, body] as const;
  });
  return {
    ...Object.fromEntries(payloads),
    'flow-headers': headers('flow'),
    'dead-letter-headers': headers('dead-letter'),
    'retry-headers': headers('retry'),
  };
}

function headers(kind: Message['headers']): JsonSchema {
  const fields = headerFields(kind).map(({ name, description }) => [name, { type: 'string', description }] as const);
  return { type: 'object', properties: Object.fromEntries(fields) };
}

/** The messages of a topic. */
function namesOf({ schema }: DocumentedTopic): string[] {
  return schema.split(', ');
}

function messageId(name: string): string {
  return name.replaceAll(' ', '-');
}

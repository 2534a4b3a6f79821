import { createRequire } from 'node:module';
import type { Kafka } from 'kafkajs';
import { PassingMap } from '../../collections/index.ts';

/**
 * The parts of kafkajs 2.2.4 that are used below its public face, which reads through consumer groups only and shows of
 * a failed produce request only the first error. (kafkajs has had no release since; the version is pinned.)
 */
export interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  refreshMetadata(): Promise<void>;
  /** Throws when the topic is unknown. */
  addTargetTopic(topic: string): Promise<void>;
  /** All that is known of the topic; empty when nothing is. */
  findTopicPartitionMetadata(topic: string): { partitionId: number; leader: number }[];
  findBroker(which: { nodeId: number | string }): Promise<Broker>;
  brokerPool: { findConnectedBroker(): Promise<Broker> };
  findGroupCoordinator(which: { groupId: string; coordinatorType: number }): Promise<Broker>;
}

export interface Broker {
  nodeId: number | string;
  /** By API key. */
  versions: Readonly<Record<number, { minVersion: number; maxVersion: number } | undefined>>;
  connectionPool: { pool: readonly Connection[]; send(protocol: Protocol): Promise<unknown> };
}

interface Connection {
  requestQueue: { inflight: Map<number, unknown> | PassingMap<number, unknown> };
}

/** A request and how its answer is read. */
export interface Protocol {
  request: { apiKey: number; apiVersion: number; apiName: string; encode(): Promise<unknown> };
  response: { decode(payload: Buffer): Promise<unknown>; parse(decoded: unknown): Promise<unknown> };
}

interface Definition {
  versions: string[];
  protocol: (which: { version: number }) => (parameters: object) => Protocol;
}

export type Api = 'AddPartitionsToTxn' | 'EndTxn' | 'Fetch' | 'InitProducerId' | 'LeaveGroup' | 'ListOffsets' | 'Produce';

const OURS: ReadonlySet<string> = new Set<Api>(['AddPartitionsToTxn', 'EndTxn', 'Fetch', 'InitProducerId', 'LeaveGroup', 'ListOffsets', 'Produce']);

const load = createRequire(import.meta.url);
const { requests } = load('kafkajs/src/protocol/requests') as { requests: Record<Api, Definition> };
const apiKeys = load('kafkajs/src/protocol/requests/apiKeys') as Record<Api, number>;
const Encoder = load('kafkajs/src/protocol/encoder') as new () => { writeBuffer(buffer: Buffer): object };
const { createErrorFromCode } = load('kafkajs/src/protocol/error') as { createErrorFromCode: (code: number) => Error & { type: string } };

export const READ_UNCOMMITTED = 0;
export const READ_COMMITTED = 1;
/** Of `findGroupCoordinator`. */
export const GROUP = 0;
export const TRANSACTION = 1;

const CREATE_CLUSTER = 'private:Kafka:createCluster';

/** Connections with the settings of the client; they are made when something is asked. */
export function createCluster(kafka: Kafka): Cluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === CREATE_CLUSTER);
  const create = symbol === undefined ? undefined : (kafka as unknown as Record<symbol, (options: object) => Cluster>)[symbol];
  if (create === undefined) throw new Error('kafkajs is not the version that it must be, 2.2.4');
  return create({ metadataMaxAge: 30_000, allowAutoTopicCreation: false });
}

/** The newest version of a request that both sides know. */
export function protocolOf(broker: Broker, api: Api, parameters: object): Protocol {
  const { versions, protocol } = requests[api];
  const version = Math.min(Math.max(...versions.map(Number)), broker.versions[apiKeys[api]]?.maxVersion ?? 0);
  return protocol({ version })(parameters);
}

/** A request that is made and read here, in the newest version up to that one which the broker knows. */
export function ownProtocol<Answer>(broker: Broker, api: Api, newest: number, body: Buffer, decode: (payload: Buffer, version: number) => Answer): Protocol {
  const apiVersion = Math.min(newest, broker.versions[apiKeys[api]]?.maxVersion ?? 0);
  return {
    request: { apiKey: apiKeys[api], apiVersion, apiName: api, encode: () => Promise.resolve(encoded(body)) },
    response: { decode: (payload) => Promise.resolve(decode(payload, apiVersion)), parse: (answer) => Promise.resolve(answer) },
  };
}

/** The requests among ours that this client and the broker have no common version of. */
export function unknownApis(broker: Broker): Api[] {
  return Object.keys(requests).filter((name): name is Api => OURS.has(name)).filter((api) => {
    const known = broker.versions[apiKeys[api]];
    return known === undefined || !requests[api].versions.some((version) => Number(version) >= known.minVersion && Number(version) <= known.maxVersion);
  });
}

/** The answer as it came: error codes in it are the caller's business. */
export async function ask(broker: Broker, { request, response }: Protocol): Promise<unknown> {
  letGo(broker);
  return broker.connectionPool.send({ request, response: { decode: (payload) => response.decode(payload), parse: (decoded) => Promise.resolve(decoded) } });
}

/** What has been sent and answered is not held on to: with each request goes its payload. */
function letGo({ connectionPool: { pool } }: Broker): void {
  for (const { requestQueue } of pool) {
    if (requestQueue.inflight instanceof PassingMap) continue;
    const inflight = new PassingMap<number, unknown>();
    for (const [id, request] of requestQueue.inflight) inflight.set(id, request);
    requestQueue.inflight = inflight;
  }
}

/** A request's body as kafkajs wants to have it. */
export function encoded(body: Buffer): object {
  return new Encoder().writeBuffer(body);
}

/** An error as kafkajs makes it of a broker's error code; `type` is its name. */
export function errorOfCode(code: number): Error & { type: string } {
  return createErrorFromCode(code);
}

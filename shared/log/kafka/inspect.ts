import { Socket } from 'node:net';
import { AdminClient } from './admin-client.ts';
import { ByteReader } from './byte-reader.ts';
import { createClient } from './client.ts';
import { unreachable } from './failures.ts';
import { ask, createCluster, encoded, unknownApis, type Broker, type Protocol } from './kafkajs-internals.ts';
import { resolveKafkaLogOptions, type KafkaLogOptions } from './options.ts';
import { Sockets } from './sockets.ts';

/** What a cluster says of itself, for people who look for what is wrong. */
export interface KafkaFacts {
  /** As the cluster announces them: these are the addresses that clients connect to. */
  brokers: { id: number; address: string }[];
  /** `4.1`; undefined: the brokers do not say (before 3.0). */
  release: string | undefined;
  /** Requests that this client and the broker have no common version of. */
  incompatible: string[];
}

/** Which release brought which level of `metadata.version`. Source: org.apache.kafka.server.common.MetadataVersion. */
const RELEASES: readonly (readonly [level: number, release: string])[] = [
  [1, '3.0'], [2, '3.1'], [3, '3.2'], [4, '3.3'], [8, '3.4'], [9, '3.5'], [12, '3.6'], [15, '3.7'], [20, '3.8'], [21, '3.9'], [22, '4.0'], [26, '4.1'], [28, '4.2'],
];
const API_VERSIONS = 18;
const FEATURES_SINCE = 3;
const METADATA_VERSION = 'metadata.version';

/**
 * @throws {TandemError} `kafka_unreachable`, `kafka_tls`, `kafka_authentication`, within `settleTimeoutMs` or a little later
 */
export async function inspectKafka(options: KafkaLogOptions): Promise<KafkaFacts> {
  const resolved = resolveKafkaLogOptions(options);
  const sockets = new Sockets();
  const kafka = createClient(resolved, sockets);
  const client = new AdminClient(kafka, resolved);
  const cluster = createCluster(kafka);
  try {
    const { brokers } = await client.run((admin) => admin.describeCluster());
    await cluster.connect();
    const broker = await cluster.brokerPool.findConnectedBroker();
    return {
      brokers: brokers.map(({ nodeId, host, port }) => ({ id: nodeId, address: `${host}:${port}` })),
      release: await releaseOf(broker),
      incompatible: unknownApis(broker),
    };
  } catch (error) {
    throw unreachable(resolved.brokers, error);
  } finally {
    await cluster.disconnect().catch(() => undefined);
    await client.close();
    sockets.close();
  }
}

/** @throws {TandemError} `kafka_unreachable`: nobody takes a connection there, and why */
export async function probeAddress(address: string, timeoutMs: number): Promise<void> {
  const colon = address.lastIndexOf(':');
  const socket = new Socket();
  try {
    await new Promise<void>((resolve, reject) => {
      socket.setTimeout(timeoutMs, () => reject(new Error(`no answer within ${timeoutMs} ms`)));
      socket.once('error', reject);
      socket.connect({ host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) }, resolve);
    });
  } catch (error) {
    throw unreachable([address], error);
  } finally {
    socket.destroy();
  }
}

async function releaseOf(broker: Broker): Promise<string | undefined> {
  if ((broker.versions[API_VERSIONS]?.maxVersion ?? 0) < FEATURES_SINCE) return undefined;
  const level = (await ask(broker, apiVersions())) as number | undefined;
  return RELEASES.findLast(([first]) => level !== undefined && level >= first)?.[1];
}

/** Source: https://kafka.apache.org/protocol#The_Messages_ApiVersions, version 3; kafkajs' own is too old to ask for features. */
function apiVersions(): Protocol {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length + 1]), Buffer.from(value)]);
  const body = Buffer.concat([Buffer.from([0]), text('tandem'), text('1'), Buffer.from([0])]);
  return {
    request: { apiKey: API_VERSIONS, apiVersion: FEATURES_SINCE, apiName: 'ApiVersions', encode: () => Promise.resolve(encoded(body)) },
    response: { decode: (payload) => Promise.resolve(decodeSupportedMetadataVersion(payload)), parse: (level) => Promise.resolve(level) },
  };
}

/** The newest `metadata.version` that the broker's software knows. */
function decodeSupportedMetadataVersion(payload: Buffer): number | undefined {
  const reader = new ByteReader(payload);
  if (reader.int16() !== 0) return undefined;
  for (let apis = reader.uvarint() - 1; apis > 0; apis--) {
    reader.bytes(6);
    reader.tags();
  }
  reader.int32();
  const SUPPORTED_FEATURES = 0;
  for (let fields = reader.uvarint(); fields > 0; fields--) {
    const tag = reader.uvarint();
    const value = reader.bytes(reader.uvarint());
    if (tag === SUPPORTED_FEATURES) return newestOf(new ByteReader(value));
  }
  return undefined;
}

function newestOf(reader: ByteReader): number | undefined {
  for (let features = reader.uvarint() - 1; features > 0; features--) {
    const name = reader.compactString();
    reader.int16();
    const newest = reader.int16();
    reader.tags();
    if (name === METADATA_VERSION) return newest;
  }
  return undefined;
}

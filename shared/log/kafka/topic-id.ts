import { ByteReader } from './byte-reader.ts';
import { ask, encoded, type Broker, type Protocol } from './kafkajs-internals.ts';

const METADATA = 3;
const VERSION = 12;
const NO_ID = Buffer.alloc(16);

/**
 * A topic's id, which another topic of the same name does not have. Undefined where the broker knows neither the topic
 * nor ids (before Kafka 2.8). kafkajs' own request for metadata is too old to ask for it.
 */
export async function topicIdOf(broker: Broker, topic: string): Promise<string | undefined> {
  if ((broker.versions[METADATA]?.maxVersion ?? 0) < VERSION) return undefined;
  return (await ask(broker, metadataOf(topic))) as string | undefined;
}

/** Source: https://kafka.apache.org/protocol#The_Messages_Metadata, version 12. */
function metadataOf(topic: string): Protocol {
  const name = Buffer.from(topic);
  // Arrays and strings begin with their length plus one; zero bytes are empty sets of tagged fields, and false.
  const topics = Buffer.concat([Buffer.from([2]), NO_ID, lengthOf(name.length + 1), name, Buffer.from([0])]);
  const body = Buffer.concat([Buffer.from([0]), topics, Buffer.from([0, 0, 0])]);
  return {
    request: { apiKey: METADATA, apiVersion: VERSION, apiName: 'Metadata', encode: () => Promise.resolve(encoded(body)) },
    response: { decode: (payload) => Promise.resolve(decodeTopicId(payload)), parse: (id) => Promise.resolve(id) },
  };
}

/** The id of the first topic in the answer. */
export function decodeTopicId(payload: Buffer): string | undefined {
  const reader = new ByteReader(payload);
  reader.tags();
  reader.int32();
  for (let brokers = reader.uvarint() - 1; brokers > 0; brokers--) {
    reader.int32();
    reader.compactString();
    reader.int32();
    reader.compactString();
    reader.tags();
  }
  reader.compactString();
  reader.int32();
  if (reader.uvarint() < 2 || reader.int16() !== 0) return undefined;
  reader.compactString();
  const id = reader.bytes(NO_ID.length);
  return id.equals(NO_ID) ? undefined : id.toString('hex');
}

/** An unsigned varint. */
function lengthOf(value: number): Buffer {
  const bytes: number[] = [];
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  return Buffer.from([...bytes, value]);
}

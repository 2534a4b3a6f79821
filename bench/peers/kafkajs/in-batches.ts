/**
 * The consumer of a good engineer, in twenty lines: whatever a fetch brought, in chunks of 32, one inference and one send each;
 * offsets are committed by hand, behind the answers, once a second.
 *
 *     node bench/peers/kafkajs/in-batches.ts --kafka HOST:PORT [--prefix tandem.] [--variant recommend-large.fp32] [--intra-op-threads 1]
 */
import { Kafka, logLevel } from 'kafkajs';
import { gatherCommits } from './commits.ts';
import { readFlags } from './flags.ts';
import { openModel, type IncomingRequest } from './model.ts';

const CHUNK = 32;
const COMMIT_EVERY_MS = 1_000;
const { kafka: broker, prefix, variant, intraOpThreads } = readFlags();
const answer = await openModel(variant, intraOpThreads > 0 ? { intraOpNumThreads: intraOpThreads } : {});
const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.ERROR });
const producer = kafka.producer();
const consumer = kafka.consumer({ groupId: `${prefix}in-batches` });
const commitSoon = gatherCommits(consumer, COMMIT_EVERY_MS);
await Promise.all([producer.connect(), consumer.connect()]);
await consumer.subscribe({ topic: `${prefix}requests`, fromBeginning: true });
await consumer.run({
  autoCommit: false,
  async eachBatch({ batch: { topic, partition, messages }, resolveOffset, heartbeat }) {
    for (let start = 0; start < messages.length; start += CHUNK) {
      const chunk = messages.slice(start, start + CHUNK);
      const requests = chunk.map(({ value }) => JSON.parse(String(value)) as IncomingRequest);
      const results = await answer(requests);
      await producer.send({
        topic: `${prefix}responses`,
        acks: -1,
        messages: requests.map(({ requestId, userId }, row) => (
          { key: userId, value: JSON.stringify({ requestId, userId, status: 'complete', result: results[row] }), headers: { 'tandem-request-id': requestId } })),
      });
      resolveOffset(chunk.at(-1)!.offset);
      await heartbeat();
    }
    commitSoon({ topic, partition, offset: String(Number(messages.at(-1)!.offset) + 1) });
  },
});

/**
 * What most people write first: a consumer that calls the model for each event. kafkajs' defaults, a response per request,
 * acknowledged by all replicas as Tandem's are.
 *
 *     node bench/peers/kafkajs/one-by-one.ts --kafka HOST:PORT [--prefix tandem.] [--variant recommend-large.fp32]
 */
import { Kafka, logLevel } from 'kafkajs';
import { readFlags } from './flags.ts';
import { openModel, type IncomingRequest } from './model.ts';

const { kafka: broker, prefix, variant, intraOpThreads } = readFlags();
const answer = await openModel(variant, intraOpThreads > 0 ? { intraOpNumThreads: intraOpThreads } : {});
const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.ERROR });
const producer = kafka.producer();
const consumer = kafka.consumer({ groupId: `${prefix}one-by-one` });
await Promise.all([producer.connect(), consumer.connect()]);
await consumer.subscribe({ topic: `${prefix}requests`, fromBeginning: true });
await consumer.run({
  async eachMessage({ message }) {
    const request = JSON.parse(String(message.value)) as IncomingRequest;
    const [result] = await answer([request]);
    const value = JSON.stringify({ requestId: request.requestId, userId: request.userId, status: 'complete', result });
    await producer.send({ topic: `${prefix}responses`, acks: -1, messages: [{ key: request.userId, value, headers: { 'tandem-request-id': request.requestId } }] });
  },
});

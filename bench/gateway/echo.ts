import { parseArgs } from 'node:util';
import { HEADER, readReplyAddress, topicName, type Request, type Response } from '@tandem/schemas';
import { createKafkaLog, type LogRecord, type OutgoingRecord } from '@tandem/shared/log';
import { silentLogger } from '@tandem/shared/telemetry';

/** Stands for all stages: answers each request at once, as fusion does, with a response and, for a gateway, its copy. */
const { values: { kafka = '', prefix = '' } } = parseArgs({ options: { kafka: { type: 'string' }, prefix: { type: 'string' } } });

const log = createKafkaLog({ brokers: [kafka], clientId: 'bench-echo', logger: silentLogger });
const producer = await log.producer();

function answers({ key, value, headers }: LogRecord): OutgoingRecord[] {
  const { requestId, workload } = JSON.parse(String(value)) as Request;
  const response: Response = { requestId, workload, status: 'complete', final: true, sequence: 0, result: { label: 'echo', confidence: 1 }, steps: [], latencyMs: 0, time: Date.now() };
  const own = { value: JSON.stringify(response), headers: { ...headers, [HEADER.requestId]: requestId } };
  const written = { topic: topicName(prefix, 'responses'), key, ...own };
  const address = readReplyAddress(headers[HEADER.replyTo]);
  return address === undefined ? [written] : [written, { topic: topicName(prefix, 'replies'), partition: address.partition, key: null, ...own }];
}

const consumer = log.consumer({
  groupId: `${prefix}echo`,
  topics: [topicName(prefix, 'requests')],
  onRecord(delivery) {
    void producer.send(answers(delivery.record)).then(() => delivery.ack());
  },
});
await consumer.start();
process.stdout.write('ready\n');

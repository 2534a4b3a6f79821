import { createRequire } from 'node:module';
import type { AbortedTransaction } from './record-batches.ts';

/** The part of a kafkajs fetch that is mended here. */
export interface KafkaJsPartition {
  abortedTransactions?: { producerId: string; firstOffset: string }[] | null;
  messages: { offset: string; isControlRecord: boolean; batchContext: { producerId: string; inTransaction: boolean } }[];
}

interface Broker {
  fetch: (this: Broker, request: unknown) => Promise<{ responses: { partitions: KafkaJsPartition[] }[] }>;
}

let mended = false;

/**
 * kafkajs 2.2.4 takes note of one aborted transaction per record, so that of several that overlap where a fetch begins
 * the first records come through. Here they are found beforehand and shown to it as control records, which it hides.
 */
export function mendAbortedTransactions(): void {
  if (mended) return;
  mended = true;
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/broker') as { prototype: Broker };
  const { fetch } = prototype;
  prototype.fetch = async function (request) {
    const answer = await fetch.call(this, request);
    for (const { partitions } of answer.responses) partitions.forEach(hideAborted);
    return answer;
  };
}

/** Marks the records of aborted transactions as control records. */
export function hideAborted(partition: KafkaJsPartition): void {
  const aborted = partition.abortedTransactions ?? [];
  const waiting = aborted.map(({ producerId, firstOffset }): AbortedTransaction => ({ producerId: BigInt(producerId), firstOffset: Number(firstOffset) }));
  waiting.sort((a, b) => a.firstOffset - b.firstOffset);
  const aborting = new Set<bigint>();
  for (const message of partition.messages) {
    while ((waiting[0]?.firstOffset ?? Number.POSITIVE_INFINITY) <= Number(message.offset)) aborting.add(waiting.shift()?.producerId ?? -1n);
    const producerId = BigInt(message.batchContext.producerId);
    if (message.isControlRecord) aborting.delete(producerId);
    else if (message.batchContext.inTransaction && aborting.has(producerId)) message.isControlRecord = true;
  }
  partition.abortedTransactions = [];
}

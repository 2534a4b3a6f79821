import type { Consumer, TopicPartitionOffsetAndMetadata } from 'kafkajs';

/**
 * Commits the newest offset of each partition now and then, instead of one for each fetch. A broker gathers commits for 5 ms
 * (`group.coordinator.append.linger.ms`) and answers the requests of a connection one after the other, and kafkajs has commits, heartbeats
 * and fetches of a broker on one connection: from some 170 fetches a second on, a commit for each piles up, and the next fetch waits behind
 * them all, for a second and more.
 * @returns notes an offset to be committed next time
 */
export function gatherCommits(consumer: Pick<Consumer, 'commitOffsets'>, everyMs: number): (offset: TopicPartitionOffsetAndMetadata) => void {
  const noted = new Map<string, TopicPartitionOffsetAndMetadata>();
  setInterval(() => {
    const offsets = [...noted.values()];
    noted.clear();
    // Where one fails, as in a rebalance, a later one covers it, or requests come twice.
    if (offsets.length > 0) void consumer.commitOffsets(offsets).catch(() => undefined);
  }, everyMs);
  return (offset) => void noted.set(`${offset.topic} ${offset.partition}`, offset);
}

export type { AccessGrant, AccessOperation } from './access.ts';
export { createEmbeddedLog, type EmbeddedLog } from './embedded/index.ts';
export type { EmbeddedLogOptions } from './embedded/options.ts';
export { createKafkaLog, type KafkaLog } from './kafka/index.ts';
export { grantKafkaAccess } from './kafka/grant-access.ts';
export { inspectKafka, probeAddress, type KafkaFacts } from './kafka/inspect.ts';
export { listKafkaAccess } from './kafka/list-access.ts';
export type { KafkaLogOptions } from './kafka/options.ts';
export type { Tenure, TenureState } from './tenure.ts';
export { REPLICATION_FACTOR } from './topic-settings.ts';
export { murmur2, partitionOfKey } from './partitioner.ts';
export type {
  ConsumerOptions, Delivery, EventLog, ExclusiveWriter, Headers, LogAdmin, LogConsumer, LogProducer, LogRecord, OutgoingRecord,
  ProducerOptions, ReadOptions, ReplicationOptions, Tail, TailOptions, TopicDifference, TopicInspection, TopicPartition, TopicReport,
} from './types.ts';

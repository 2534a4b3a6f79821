export type {
  ConsumerOptions, Delivery, EventLog, Headers, LogAdmin, LogConsumer, LogProducer, LogRecord, OutgoingRecord,
  ProducerOptions, Tail, TailOptions, TopicDifference, TopicPartition, TopicReport,
} from './types.ts';

import { parseArgs } from 'node:util';

export interface ConsumerFlags {
  kafka: string;
  prefix: string;
  /** `model.precision` */
  variant: string;
  /** Threads inside one inference; the runtime's default where 0. */
  intraOpThreads: number;
}

/** Of the consumers in this folder. */
export function readFlags(): ConsumerFlags {
  const { values } = parseArgs({
    options: {
      kafka: { type: 'string', default: '127.0.0.1:9092' },
      prefix: { type: 'string', default: 'tandem.' },
      variant: { type: 'string', default: 'recommend-large.fp32' },
      'intra-op-threads': { type: 'string', default: '0' },
    },
  });
  // kafkajs computes a timeout below 0 now and then, which Node warns of.
  process.removeAllListeners('warning');
  return { kafka: values.kafka, prefix: values.prefix, variant: values.variant, intraOpThreads: Number(values['intra-op-threads']) };
}

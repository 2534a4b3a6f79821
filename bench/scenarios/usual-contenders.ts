import { consumerContender } from '../harness/consumer-contender.ts';
import type { Contender } from '../harness/contender.ts';
import { tandemContender, type TandemOptions } from '../harness/tandem-contender.ts';

/** The large model at int8 alone, which the batch consumer can serve as well: a comparison of the systems, not of the models. */
export function tandemLarge(over: Partial<TandemOptions> & { more?: readonly string[] } = {}): Contender {
  const { more = [], ...rest } = over;
  return tandemContender({
    name: 'Tandem: large int8', description: 'tandem cluster with the large model at int8 alone', task: 'fine',
    flags: ['--policy', 'fixed', '--precision', 'int8', '--variants', 'recommend-large.int8', ...more], ...rest,
  });
}

export function tandemCascade(over: Partial<TandemOptions> & { more?: readonly string[] } = {}): Contender {
  const { more = [], ...rest } = over;
  return tandemContender({
    name: 'Tandem: small → large int8', description: 'tandem cluster with both models at int8', task: 'full',
    flags: ['--policy', 'fixed', '--precision', 'int8', '--variants', 'recommend-small.int8,recommend-large.int8', ...more], ...rest,
  });
}

export function batchConsumer(): Contender {
  return consumerContender({ name: 'consumer, batches of 32: large int8', description: 'kafkajs eachBatch, recommend-large.int8', script: 'in-batches', variant: 'recommend-large.int8' });
}

export function oneByOneConsumer(): Contender {
  return consumerContender({ name: 'consumer, one by one: large fp32', description: 'kafkajs eachMessage, recommend-large.fp32', script: 'one-by-one', variant: 'recommend-large.fp32' });
}

import { join } from 'node:path';
import type { TaskKind } from '@tandem/schemas';
import type { Contender } from './contender.ts';
import { startContender } from './process-contender.ts';

const FOLDER = join(import.meta.dirname, '../peers/kafkajs');

export interface ConsumerOptions {
  name: string;
  description: string;
  script: 'one-by-one' | 'in-batches';
  /** `model.precision` */
  variant: string;
  /** @default 1 */
  processes?: number;
  /** @default the runtime's */
  intraOpThreads?: number;
}

/** A plain Kafka consumer that calls one model. */
export function consumerContender({ name, description, script, variant, processes = 1, intraOpThreads = 0 }: ConsumerOptions): Contender {
  const task: TaskKind = variant.startsWith('recommend-small') ? 'coarse' : 'fine';
  return {
    name, description, task,
    async start({ kafka, prefix, folder }) {
      const args = [join(FOLDER, `${script}.ts`), '--kafka', kafka, '--prefix', prefix, '--variant', variant, '--intra-op-threads', String(intraOpThreads)];
      return startContender(Array.from({ length: processes }, () => ({ command: process.execPath, args })), folder);
    },
  };
}

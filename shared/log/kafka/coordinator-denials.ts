import { createRequire } from 'node:module';

interface Lookup {
  groupId: string;
  coordinatorType?: number;
}

/** The part of kafkajs 2.2.4's Cluster that is mended here. */
interface Cluster {
  brokerPool: { findConnectedBroker(): Promise<{ findGroupCoordinator(lookup: Lookup): Promise<unknown> }> };
  findGroupCoordinatorMetadata: (this: Cluster, lookup: Lookup) => Promise<unknown>;
}

let mended = false;

/**
 * kafkajs 2.2.4 forgets why no broker would name a coordinator. That the user has no right to the group is worth knowing,
 * since no waiting mends it: a broker is asked once more, and its own error thrown.
 */
export function mendCoordinatorDenials(): void {
  if (mended) return;
  mended = true;
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/cluster') as { prototype: Cluster };
  const find = prototype.findGroupCoordinatorMetadata;
  prototype.findGroupCoordinatorMetadata = async function (lookup): Promise<unknown> {
    try {
      return await find.call(this, lookup);
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'KafkaJSGroupCoordinatorNotFound') throw error;
      return (await this.brokerPool.findConnectedBroker()).findGroupCoordinator(lookup);
    }
  };
}

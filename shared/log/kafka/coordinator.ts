import { createRequire } from 'node:module';

/** The part of kafkajs 2.2.4's ConsumerGroup that is mended here. */
interface ConsumerGroup {
  groupId: string;
  coordinator: unknown;
  offsetManager: { coordinator: unknown } | null;
  cluster: {
    refreshMetadata(): Promise<void>;
    findGroupCoordinator(group: { groupId: string }): Promise<unknown>;
  };
  heartbeat: (this: ConsumerGroup, options: { interval: number }) => Promise<void>;
}

const CONNECTION_FAILURES: ReadonlySet<unknown> = new Set(['KafkaJSConnectionError', 'KafkaJSConnectionClosedError', 'KafkaJSRequestTimeoutError']);

let mended = false;

/**
 * kafkajs 2.2.4 looks for a group's coordinator only when it joins, so a member whose coordinator dies keeps knocking at
 * the dead broker until it crashes, and loses its membership. The coordinator that takes over knows the members: it is
 * looked for here, after a heartbeat that did not get through.
 */
export function mendCoordinatorLookup(): void {
  if (mended) return;
  mended = true;
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/consumer/consumerGroup') as { prototype: ConsumerGroup };
  const heartbeat = prototype.heartbeat;
  prototype.heartbeat = async function (options): Promise<void> {
    try {
      await heartbeat.call(this, options);
    } catch (error) {
      if (error instanceof Error && CONNECTION_FAILURES.has(error.name)) await findCoordinator(this).catch(() => undefined);
      throw error;
    }
  };
}

async function findCoordinator(group: ConsumerGroup): Promise<void> {
  await group.cluster.refreshMetadata();
  const coordinator = await group.cluster.findGroupCoordinator({ groupId: group.groupId });
  group.coordinator = coordinator;
  if (group.offsetManager !== null) group.offsetManager.coordinator = coordinator;
}

import { messageOf } from '../../errors/index.ts';
import type { AdminClient } from './admin-client.ts';
import type { DirectCluster } from './direct-cluster.ts';
import type { ResolvedKafkaLogOptions } from './options.ts';

/**
 * A process that was killed stays a member of its groups until its session runs out, and keeps its partitions for nobody meanwhile, also
 * when it is back after a second. Kafka's own way, static membership (KIP-345), takes a `group.instance.id`, which kafkajs does not pass on;
 * so whoever starts under the same name tells the groups that its predecessor has left.
 */
export class Predecessors {
  readonly #admin: AdminClient;
  readonly #cluster: DirectCluster;
  readonly #options: ResolvedKafkaLogOptions;
  /** By group. Once is enough, and members of this name that come later are our own. */
  readonly #dismissals = new Map<string, Promise<void>>();

  constructor(admin: AdminClient, cluster: DirectCluster, options: ResolvedKafkaLogOptions) {
    [this.#admin, this.#cluster, this.#options] = [admin, cluster, options];
  }

  /** Of this group, before it is joined. Never rejects: what fails costs the session timeout, as it would without this. */
  async dismiss(groupId: string): Promise<void> {
    if (!this.#options.replacesPredecessor) return;
    const dismissal = this.#dismissals.get(groupId) ?? this.#dismiss(groupId);
    this.#dismissals.set(groupId, dismissal);
    return dismissal;
  }

  async #dismiss(groupId: string): Promise<void> {
    const { clientId, logger } = this.#options;
    for (const { memberId, clientHost } of await this.#namesakes(groupId, clientId)) {
      try {
        await this.#cluster.removeMember(groupId, memberId);
        logger.info({ group: groupId, memberId, host: clientHost }, 'the predecessor of this process is no longer a member of its group');
      } catch (error) {
        this.#cluster.reset();
        logger.debug({ group: groupId, memberId, error: messageOf(error) }, 'a predecessor of this process leaves when its session runs out, if it has not left');
      }
    }
  }

  async #namesakes(groupId: string, clientId: string): Promise<{ memberId: string; clientHost: string }[]> {
    try {
      const { groups } = await this.#admin.run((admin) => admin.describeGroups([groupId]));
      return groups.flatMap(({ members }) => members).filter((member) => member.clientId === clientId);
    } catch (error) {
      this.#options.logger.debug({ group: groupId, error: messageOf(error) }, 'whether a predecessor is still a member is not known');
      return [];
    }
  }
}

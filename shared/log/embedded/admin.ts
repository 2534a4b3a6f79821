import type { TopicSpec } from '@tandem/schemas';
import { TandemError } from '../../errors/index.ts';
import { groupActive } from '../errors.ts';
import { compareSettings, settingsOf } from '../topic-settings.ts';
import type { LogAdmin, TopicInspection, TopicReport } from '../types.ts';
import type { Store } from './store.ts';
import { Topic } from './topic.ts';

/** Topics and offsets of an embedded log. */
export class EmbeddedAdmin implements LogAdmin {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async ensureTopics(topics: readonly TopicSpec[]): Promise<TopicReport> {
    const report: TopicReport = { created: [], differences: [] };
    for (const spec of topics) {
      const existing = this.#store.topics.get(spec.name);
      if (existing === undefined) {
        this.#store.topics.set(spec.name, new Topic(spec));
        report.created.push(spec.name);
      } else {
        report.differences.push(...compareSettings(spec.name, settingsOf(spec), settingsOf(existing.spec)));
      }
    }
    return report;
  }

  async inspectTopics(topics: readonly TopicSpec[]): Promise<TopicInspection> {
    const inspection: TopicInspection = { missing: [], differences: [] };
    for (const spec of topics) {
      const existing = this.#store.topics.get(spec.name);
      if (existing === undefined) inspection.missing.push(spec.name);
      else inspection.differences.push(...compareSettings(spec.name, settingsOf(spec), settingsOf(existing.spec)));
    }
    return inspection;
  }

  async listTopics(): Promise<string[]> {
    return [...this.#store.topics.keys()].sort();
  }

  async deleteTopics(topics: readonly string[]): Promise<void> {
    for (const topic of topics) this.#store.delete(topic);
  }

  async offsets(topic: string): Promise<{ partition: number; earliest: number; latest: number }[]> {
    return this.#store.topic(topic).partitions.map(({ partition, earliest, latest }) => ({ partition, earliest, latest }));
  }

  async committed(groupId: string, topic: string): Promise<{ partition: number; offset: number }[]> {
    const group = this.#store.group(groupId);
    return this.#store.topic(topic).partitions.map(({ partition }) => ({ partition, offset: group.committed(topic, partition) }));
  }

  async setCommitted(groupId: string, topic: string, offsets: readonly { partition: number; offset: number }[]): Promise<void> {
    const group = this.#store.group(groupId);
    if (group.size > 0) throw groupActive(groupId);
    group.begin(offsets.map(({ partition, offset }) => ({ topic, partition, offset })));
  }

  async groups(prefix: string): Promise<{ groupId: string; members: number }[]> {
    return this.#store.groups().filter(({ id }) => id.startsWith(prefix)).map(({ id, size }) => ({ groupId: id, members: size }));
  }

  async addPartitions(topic: string): Promise<void> {
    const message = `Topic "${topic}" of the embedded log keeps its partitions; it is gone with the process anyway: start again with more.`;
    throw new TandemError(message, { code: 'not_supported' });
  }
}

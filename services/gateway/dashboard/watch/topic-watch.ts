import { STAGE_NAMES, type StageName } from '@tandem/schemas';
import type { LogAdmin } from '@tandem/shared/log';
import { stagesOfGroup } from '@tandem/shared/runner';
import type { LagFigures, StageStatus, TopicStatus } from '../snapshot.ts';
import { perSecondOf } from './answer-figures.ts';

/** Topics whose pace the picture of the flow shows. */
const SHOWN = ['requests', 'requests.bulk', 'interactions', 'tasks', 'outcomes', 'responses', 'dead-letters'] as const;
/** Groups change seldom, and each asks the brokers for its members and its offsets. */
const GROUPS_EVERY_MS = 2_000;
const INPUTS: Readonly<Record<Exclude<StageName, 'worker'>, readonly string[]>> = {
  classifier: ['requests', 'requests.bulk'], scheduler: ['tasks', 'outcomes'], fusion: ['tasks', 'outcomes'],
};

interface Pace {
  latest: number;
  at: number;
  perSecond: number;
}

interface GroupFigures {
  names: string[];
  members: number;
  lag: { topic: string; records: number }[];
}

/** Paces from the topics' ends, lag from the groups' offsets. Asks only for the topics of the flow, whatever their load. */
export class TopicWatch {
  readonly #admin: Pick<LogAdmin, 'offsets' | 'committed' | 'groups'>;
  readonly #prefix: string;
  readonly #paces = new Map<string, Pace>();
  readonly #ends = new Map<string, { partition: number; earliest: number; latest: number }[]>();
  #groups: GroupFigures[] | undefined;
  #groupsAt = -Infinity;

  constructor(admin: Pick<LogAdmin, 'offsets' | 'committed' | 'groups'>, prefix: string) {
    this.#admin = admin;
    this.#prefix = prefix;
  }

  /** @throws what the log throws when it is away */
  async update(now: number): Promise<void> {
    for (const name of SHOWN) await this.#measure(name, now);
    if (now - this.#groupsAt < GROUPS_EVERY_MS) return;
    this.#groupsAt = now;
    const groups = await this.#admin.groups(this.#prefix);
    const figures: GroupFigures[] = [];
    for (const { groupId, members } of groups) {
      const group = await this.#groupFigures(groupId.slice(this.#prefix.length), groupId, members);
      if (group !== undefined) figures.push(group);
    }
    this.#groups = figures;
  }

  get topics(): TopicStatus[] {
    return SHOWN.map((name) => ({ name, perSecond: this.#paces.get(name)?.perSecond ?? 0 }));
  }

  paceOf(name: string): number {
    return this.#paces.get(name)?.perSecond ?? 0;
  }

  /** Not done by whoever reads it; null: nobody has ever said. */
  waiting(topic: string): number | null {
    const lags = (this.#groups ?? []).flatMap(({ lag }) => lag.filter((figures) => figures.topic === topic));
    return lags.length === 0 ? null : Math.max(...lags.map(({ records }) => records));
  }

  get stages(): StageStatus[] {
    return STAGE_NAMES.map((name) => {
      const groups = this.#groups?.filter(({ names }) => names.includes(name));
      const running = groups?.filter(({ members }) => members > 0) ?? [];
      const chain = running.find(({ names }) => names.length > 1)?.names ?? [];
      return {
        name,
        members: groups === undefined ? null : running.reduce((most, { members }) => Math.max(most, members), 0),
        chain: chain.filter((stage): stage is StageName => STAGE_NAMES.includes(stage as StageName)),
        lag: name === 'worker' || running.length === 0 ? null : this.#lag(INPUTS[name], running),
      };
    });
  }

  #lag(topics: readonly string[], groups: readonly GroupFigures[]): LagFigures {
    const read = groups.flatMap(({ lag }) => lag).filter(({ topic }) => topics.includes(topic));
    const records = read.reduce((sum, { records: waiting }) => sum + waiting, 0);
    const perSecond = topics.reduce((sum, topic) => sum + this.paceOf(topic), 0);
    return { records, behindMs: perSecond > 0 ? (records / perSecond) * 1_000 : records === 0 ? 0 : null };
  }

  async #measure(name: string, now: number): Promise<void> {
    const ends = await this.#admin.offsets(this.#prefix + name);
    this.#ends.set(name, ends);
    const latest = ends.reduce((sum, end) => sum + end.latest, 0);
    const before = this.#paces.get(name);
    this.#paces.set(name, { latest, at: now, perSecond: before === undefined ? 0 : perSecondOf(latest - before.latest, now - before.at) });
  }

  async #groupFigures(group: string, groupId: string, members: number): Promise<GroupFigures | undefined> {
    if (group.startsWith('worker.')) return { names: ['worker'], members, lag: [] };
    const names = stagesOfGroup(group);
    if (!names.every((name) => STAGE_NAMES.includes(name as StageName))) return undefined;
    const topics = [...new Set(names.flatMap((name) => (name === 'worker' ? [] : INPUTS[name as Exclude<StageName, 'worker'>])))];
    const lag: GroupFigures['lag'] = [];
    if (members > 0) for (const topic of topics) lag.push({ topic, records: await this.#behind(groupId, topic) });
    return { names, members, lag };
  }

  async #behind(groupId: string, topic: string): Promise<number> {
    const committed = new Map((await this.#admin.committed(groupId, this.#prefix + topic)).map(({ partition, offset }) => [partition, offset]));
    return (this.#ends.get(topic) ?? []).reduce((sum, { partition, earliest, latest }) => sum + Math.max(0, latest - Math.max(earliest, committed.get(partition) ?? -1)), 0);
  }
}


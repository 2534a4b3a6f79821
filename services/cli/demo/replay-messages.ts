import { topicName, type Interaction, type Request, type TaskKind } from '@tandem/schemas';
import type { OutgoingRecord } from '@tandem/shared/log';
import type { PlannedUser, ReplayPlan } from './replay-plan.ts';

export interface MessageOptions {
  prefix: string;
  workload: string;
  /** In every user and request id, so that several replays over one log do not meet. */
  run: string;
  deadlineMs?: number | undefined;
}

const LIMIT = 10;
const MS_PER_SECOND = 1_000;

/** The records of a plan as they go over the wire: what any producer could send. */
export class ReplayMessages {
  readonly #plan: ReplayPlan;
  readonly #options: MessageOptions;
  readonly #requestsTopic: string;
  readonly #interactionsTopic: string;
  readonly #requestPrefix: string;

  constructor(plan: ReplayPlan, options: MessageOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#requestsTopic = topicName(options.prefix, 'requests');
    this.#interactionsTopic = topicName(options.prefix, 'interactions');
    this.#requestPrefix = `${options.run}-`;
  }

  requestId(index: number): string {
    return this.#requestPrefix + index;
  }

  /** What a request id says behind the run's name; undefined: it is not this replay's. */
  nameOf(requestId: string): string | undefined {
    return requestId.startsWith(this.#requestPrefix) ? requestId.slice(this.#requestPrefix.length) : undefined;
  }

  /** The event that a name belongs to; undefined: none, so it is the warm-up's. */
  eventOf(name: string): number | undefined {
    return /^\d+$/.test(name) && Number(name) < this.#plan.events.length ? Number(name) : undefined;
  }

  /** The request of an event, to be sent before the interaction that it must predict. */
  request(index: number): OutgoingRecord {
    const { user, position, task } = this.#plan.events[index]!;
    const { deadlineMs } = this.#options;
    return this.#request(this.requestId(index), this.#plan.users[user]!, position, { task, deadlineMs });
  }

  /** Asks for the whole flow, with time enough for a cold start; its answer is not judged. */
  warmUpRequest(user: PlannedUser, name: string, deadlineMs: number): OutgoingRecord {
    return this.#request(this.#requestPrefix + name, user, user.preloaded, { task: 'full', deadlineMs });
  }

  interaction(user: PlannedUser, position: number): OutgoingRecord {
    const userId = this.#userId(user);
    const value: Interaction = { userId, itemId: itemAt(user, position), time: timeAt(user, position) };
    return { topic: this.#interactionsTopic, key: userId, value: JSON.stringify(value) };
  }

  #request(requestId: string, user: PlannedUser, position: number, hints: { task: TaskKind | undefined; deadlineMs: number | undefined }): OutgoingRecord {
    const userId = this.#userId(user);
    const given = Object.fromEntries(Object.entries(hints).filter(([, value]) => value !== undefined)) as Request['hints'];
    const value: Request = {
      requestId,
      workload: this.#options.workload,
      userId,
      input: { limit: LIMIT, asOfInteractions: position },
      ...(Object.keys(given ?? {}).length === 0 ? {} : { hints: given }),
      time: timeAt(user, Math.min(position, user.times.length - 1)),
    };
    return { topic: this.#requestsTopic, key: userId, value: JSON.stringify(value) };
  }

  #userId({ userNumber }: PlannedUser): string {
    return `${this.#options.run}-user-${userNumber}`;
  }
}

/** The id of a user's nth interaction's item, as messages write it. */
export function itemAt({ items }: Pick<PlannedUser, 'items'>, position: number): string {
  return String(items[position]);
}

/** Epoch ms. */
function timeAt({ times }: PlannedUser, position: number): number {
  return times[position]! * MS_PER_SECOND;
}

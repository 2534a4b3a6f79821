import { topicName } from '@tandem/schemas';
import type { Clock } from '@tandem/shared/clock';
import type { EventLog } from '@tandem/shared/log';
import { stagesOfGroup } from '@tandem/shared/runner';

export interface TaskLagOptions {
  log: Pick<EventLog, 'admin'>;
  prefix: string;
  clock: Clock;
  /** Between two looks. */
  intervalMs: number;
}

/** Fewer tasks than this are no backlog, at whatever pace. */
const NO_BACKLOG = 100;
/** Schedulers commit twice a second: so much of the lag is not one, on average. */
const COMMIT_AGE_MS = 250;
/** Over a longer span, with no bulk in it, the pace says nothing. */
const MAX_SPAN_MS = 10_000;
const GROUP_MAX_AGE_MS = 15_000;

/** How far schedulers are behind with their tasks, as time at the present pace. */
export class TaskLag {
  readonly #options: TaskLagOptions;
  readonly #topic: string;
  #lookedAt = -Infinity;
  #looking = false;
  #before: { at: number; read: number } | undefined;
  #lagMs = 0;
  #group: { id: string; until: number } | undefined;

  constructor(options: TaskLagOptions) {
    this.#options = options;
    this.#topic = topicName(options.prefix, 'tasks');
  }

  /** The lag as of the last look; begins the next one where it is time. Ms. */
  update(): number {
    const { clock, intervalMs } = this.#options;
    if (!this.#looking && clock.now() - this.#lookedAt >= intervalMs) {
      this.#looking = true;
      // A broker that does not answer says nothing of the lag.
      void this.#look().catch(() => undefined).finally(() => {
        this.#looking = false;
        this.#lookedAt = clock.now();
      });
    }
    return this.#lagMs;
  }

  /** The group in which schedulers read: their own, or that of a chain. */
  async #schedulers(): Promise<string> {
    const { log, prefix, clock } = this.#options;
    if (this.#group === undefined || clock.now() >= this.#group.until) {
      const groups = await log.admin.groups(prefix);
      const running = groups.find(({ groupId, members }) => members > 0 && stagesOfGroup(groupId.slice(prefix.length)).includes('scheduler'));
      this.#group = { id: running?.groupId ?? `${prefix}scheduler`, until: clock.now() + GROUP_MAX_AGE_MS };
    }
    return this.#group.id;
  }

  async #look(): Promise<void> {
    const { log, clock } = this.#options;
    const committed = new Map((await log.admin.committed(await this.#schedulers(), this.#topic)).map(({ partition, offset }) => [partition, offset]));
    const ends = await log.admin.offsets(this.#topic);
    const now = clock.now();
    let [read, lag] = [0, 0];
    for (const { partition, earliest, latest } of ends) {
      const position = Math.max(earliest, committed.get(partition) ?? earliest);
      read += position;
      lag += latest - position;
    }
    if (this.#before !== undefined && now > this.#before.at && now - this.#before.at <= MAX_SPAN_MS) {
      const perMs = Math.max(0, read - this.#before.read) / (now - this.#before.at);
      this.#lagMs = lag < NO_BACKLOG ? 0 : Math.max(0, lag / perMs - COMMIT_AGE_MS);
    }
    this.#before = { at: now, read };
  }
}

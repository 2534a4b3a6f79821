import { topicName, type Lane, type SchedulerReport } from '@tandem/schemas';
import type { Clock } from '@tandem/shared/clock';
import type { Decision } from '@tandem/shared/core';
import type { StageContext } from '@tandem/shared/runner';
import type { Logger } from '@tandem/shared/telemetry';

const INTERVAL_MS = 500;

export interface ReportsOptions {
  prefix: string;
  /** Names this process. Absent: nothing is reported. */
  instance?: string;
  clock: Clock;
  logger: Logger;
  /** Steps that wait for a worker to come. */
  waiting: () => number;
}

/** Tells whoever scales workers what this scheduler gave to them and what it refused. While nothing is decided, nothing is written. */
export class Reports {
  readonly #options: ReportsOptions;
  #dispatched = 0;
  #refused = 0;
  #bulk = 0;
  #reported: string | undefined;
  #context: StageContext | undefined;
  #stopped = false;
  #cancel: () => void = () => undefined;

  constructor(options: ReportsOptions) {
    this.#options = options;
  }

  count({ kind }: Decision, lane: Lane): void {
    if (lane === 'bulk') this.#bulk += kind === 'dispatch' ? 1 : 0;
    else if (kind === 'dispatch') this.#dispatched += 1;
    else if (kind === 'fail' || kind === 'expire') this.#refused += 1;
  }

  /** The first report says where counting begins. */
  start(context: StageContext): void {
    if (this.#options.instance === undefined) return;
    this.#context = context;
    void this.#report();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
    if (this.#reported !== undefined) this.#publish(null).catch(() => undefined);
  }

  async #report(): Promise<void> {
    const { instance = '', clock, logger, waiting } = this.#options;
    const next = clock.now() + INTERVAL_MS;
    const counts = { dispatched: this.#dispatched, refused: this.#refused, bulk: this.#bulk, waiting: waiting() };
    const news = JSON.stringify(counts);
    if (news !== this.#reported) {
      try {
        const report: SchedulerReport = { kind: 'scheduler', instance, time: clock.now(), ...counts };
        await this.#publish(JSON.stringify(report));
        this.#reported = news;
      } catch (error) {
        logger.debug({ err: error }, 'a report could not be sent');
      }
    }
    if (!this.#stopped) this.#cancel = clock.schedule(next, () => void this.#report());
  }

  #publish(value: string | null): Promise<void> {
    const { prefix, instance = '' } = this.#options;
    return this.#context?.publish([{ topic: topicName(prefix, 'telemetry'), key: `scheduler/${instance}`, value }]) ?? Promise.resolve();
  }
}

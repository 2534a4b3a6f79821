import { topicName, workTopicName, type Heartbeat, type Lane } from '@tandem/schemas';
import type { Intake, StageContext } from '@tandem/shared/runner';
import type { WorkerStageOptions } from './options.ts';
import type { ServedVariant } from './served-variant.ts';

const INTERVAL_MS = 500;

type Options = Pick<WorkerStageOptions, 'prefix' | 'instance' | 'pool' | 'engine' | 'probe' | 'clock' | 'logger' | 'heartbeatIntervalMs'>;

/** Tells the schedulers, twice a second, how this worker is doing. A beat that cannot be sent is skipped. */
export class Heartbeats {
  readonly #options: Options;
  readonly #served: readonly ServedVariant[];
  #cancel: () => void = () => undefined;
  #stopped = false;
  #intake: Intake | undefined;
  #context: StageContext | undefined;

  constructor(options: Options, served: readonly ServedVariant[]) {
    this.#options = options;
    this.#served = served;
  }

  attach(intake: Intake): void {
    this.#intake = intake;
  }

  /** The first beat is out when this resolves: schedulers know the worker before it takes work. */
  async start(context: StageContext): Promise<void> {
    this.#context = context;
    await this.#beat(context);
  }

  /** Takes the last beat back, so that nobody has to wait until it is stale. */
  stop(): void {
    this.#stopped = true;
    this.#cancel();
    const { prefix, instance } = this.#options;
    // Whoever stops the stage waits, for a while, until everything is written.
    this.#context?.publish([{ topic: topicName(prefix, 'telemetry'), key: instance, value: null }]).catch(() => undefined);
  }

  async #beat(context: StageContext): Promise<void> {
    const { prefix, instance, clock, logger, heartbeatIntervalMs = INTERVAL_MS } = this.#options;
    const next = clock.now() + heartbeatIntervalMs;
    try {
      const value = JSON.stringify(await this.#heartbeat());
      if (this.#stopped) return;
      await context.publish([{ topic: topicName(prefix, 'telemetry'), key: instance, value }]);
    } catch (error) {
      logger.warn({ err: error }, 'a heartbeat could not be sent');
    }
    if (!this.#stopped) this.#cancel = clock.schedule(next, () => void this.#beat(context));
  }

  async #heartbeat(): Promise<Heartbeat> {
    const { instance, pool, probe, clock, engine } = this.#options;
    const resources = await probe.sample();
    const variants = this.#served.map((served) => served.load(clock.now(), { bulk: this.#lag(served, 'bulk'), interactive: this.#lag(served, 'interactive') }, this.#driftOf(served)));
    return { kind: 'worker', instance, time: clock.now(), ...(pool === undefined ? {} : { pool }), sessions: engine.concurrency, resources, variants };
  }

  /** Of its own, else of another precision of its model: the machine and the mix of the work are the same. */
  #driftOf(served: ServedVariant): number | undefined {
    return served.drift ?? this.#served.find(({ variant, drift }) => variant.model === served.variant.model && drift !== undefined)?.drift;
  }

  #lag({ variant: { model, precision } }: ServedVariant, lane: Lane): number {
    const { prefix, pool } = this.#options;
    return this.#intake?.lag(workTopicName(prefix, lane, { model, precision, pool })) ?? 0;
  }
}

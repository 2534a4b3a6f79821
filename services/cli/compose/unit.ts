import { topicName, type StageName } from '@tandem/schemas';
import type { Settings } from '@tandem/shared/config';
import type { ControlState } from '@tandem/shared/control';
import { TandemError, messageOf } from '@tandem/shared/errors';
import type { LifecycleState } from '@tandem/shared/lifecycle';
import type { RunningStage } from '@tandem/shared/runner';
import type { Ports } from './ports.ts';
import { startUnit } from './stages.ts';
import { SteadyBeats } from './steady-beats.ts';

/** A stage, or several chained, that does what operators want: it holds lanes back, and a worker can be drained and brought back. */
export class Unit {
  readonly #names: readonly StageName[];
  readonly #settings: Settings;
  readonly #ports: Ports;
  #running: RunningStage | undefined;
  /** Of a drained worker: alive, and serving nothing. */
  #beats: SteadyBeats | undefined;
  #control: ControlState;
  #settled: Promise<void> = Promise.resolve();
  #stopping = false;

  private constructor(names: readonly StageName[], settings: Settings, ports: Ports, control: ControlState) {
    this.#names = names;
    this.#settings = settings;
    this.#ports = ports;
    this.#control = control;
  }

  static async start(names: readonly StageName[], settings: Settings, ports: Ports, control: ControlState): Promise<Unit> {
    const unit = new Unit(names, settings, ports, control);
    await unit.#settle();
    return unit;
  }

  /** While drained it is not ready, and healthy. */
  get state(): LifecycleState {
    return this.#running?.state ?? 'draining';
  }

  /** One after the other: a worker may be brought back before it is drained. */
  steer(control: ControlState): void {
    this.#control = control;
    this.#settled = this.#settled.then(() => this.#settle()).catch((error: unknown) => this.#failed(error));
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#settled;
    this.#beats?.stop();
    await this.#running?.stop();
  }

  async #settle(): Promise<void> {
    if (this.#stopping) return;
    if (this.#isDrained) await this.#drain();
    else await this.#resume();
    this.#running?.holdBack(this.#heldBack);
  }

  async #drain(): Promise<void> {
    if (this.#beats !== undefined) return;
    this.#ports.logger.info({ stages: this.#names }, 'draining, as an operator wants');
    await this.#running?.stop();
    this.#running = undefined;
    this.#beats = new SteadyBeats(this.#settings.instance, this.#settings, this.#ports);
    this.#beats.start({ variants: [], drained: true });
  }

  async #resume(): Promise<void> {
    if (this.#running !== undefined) return;
    this.#running = await startUnit(this.#names, this.#settings, this.#ports, this.#heldBack);
    this.#beats?.stop();
    this.#beats = undefined;
  }

  get #isDrained(): boolean {
    return this.#names.includes('worker') && this.#control.isDrained(this.#settings.instance);
  }

  /** Only what has not been taken in: what is on its way is finished. */
  get #heldBack(): readonly string[] {
    if (!this.#names.includes('classifier')) return [];
    const { prefix } = this.#settings;
    return this.#control.laneHolds.map(({ lane }) => topicName(prefix, lane === 'bulk' ? 'requests.bulk' : 'requests'));
  }

  /** A new process may succeed. */
  #failed(error: unknown): void {
    this.#ports.logger.error({ err: error, stages: this.#names }, 'what an operator wants could not be done');
    this.#ports.unfit.resolve(new TandemError(`the stages could not be started again: ${messageOf(error)}`, { code: 'restart_failed', cause: error }));
  }
}

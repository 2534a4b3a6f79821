import type { Settings } from '@tandem/shared/config';
import type { LifecycleState } from '@tandem/shared/lifecycle';
import { followControl, type ControlState } from '@tandem/shared/control';
import type { StageName } from '@tandem/shared/runner';
import { startStatusServer, type StatusServer } from '@tandem/shared/telemetry';
import { learnLogTime } from './log-time.ts';
import type { Ports } from './ports.ts';
import { parseChain, unitsOf } from './chaining.ts';
import { Unit } from './unit.ts';

const ORDER: readonly LifecycleState[] = ['starting', 'draining', 'stopped', 'running'];

/** The stages that run in this process, and its status server. */
export class System implements AsyncDisposable {
  readonly #units: Unit[] = [];
  #control: Awaited<ReturnType<typeof followControl>> | undefined;
  #server: StatusServer | undefined;
  #starting = true;

  /** Starts them from the end of the flow to its beginning, so that nothing is produced before it can be consumed. */
  static async start(names: readonly StageName[], settings: Settings, ports: Ports): Promise<System> {
    const system = new System();
    try {
      await system.#start(names, settings, ports);
      return system;
    } catch (error) {
      await system[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #start(names: readonly StageName[], settings: Settings, ports: Ports): Promise<void> {
    const { httpHost: host, httpPort: port } = settings;
    this.#server = await startStatusServer({ host, port, metrics: ports.metrics.registry, logger: ports.logger, state: () => this.state });
    await learnLogTime(settings, ports);
    const units = unitsOf(names, parseChain(settings.chain));
    const control = await followControl({ ...ports, prefix: settings.prefix, onChange: (state) => this.#steer(state, ports) });
    this.#control = control;
    for (const unit of units.toReversed()) this.#units.push(await Unit.start(unit, settings, ports, control.state));
    this.#starting = false;
  }

  #steer(state: ControlState, { experiments }: Ports): void {
    experiments.update(state.experiments, state.overwritten);
    for (const unit of this.#units) unit.steer(state);
  }

  /** The least ready of its stages. */
  get state(): LifecycleState {
    if (this.#starting) return 'starting';
    return ORDER.find((state) => this.#units.some((unit) => unit.state === state)) ?? 'running';
  }

  get statusPort(): number {
    return this.#server?.port ?? 0;
  }

  /** Drains from the beginning of the flow to its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#control?.close();
    for (const unit of this.#units.toReversed()) await unit.stop();
    await this.#server?.close();
  }
}

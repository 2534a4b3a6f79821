import { hostname } from 'node:os';
import type { Heartbeat } from '@tandem/schemas';
import type { Settings } from '@tandem/shared/config';
import type { Ports } from './ports.ts';
import { SteadyBeats } from './steady-beats.ts';

/** What a worker would serve that is not there. */
export type Absent = Pick<Heartbeat, 'variants' | 'sessions'>;

/** Heartbeats in the name of workers that are asleep: schedulers go on giving out work, and know how long it takes to wake one up. */
export class StandbyBeats {
  readonly #beats: SteadyBeats;

  constructor(settings: Pick<Settings, 'prefix' | 'pool'>, ports: Pick<Ports, 'producer' | 'clock' | 'logger' | 'probe'>) {
    this.#beats = new SteadyBeats(`standby-${hostname()}-${process.pid}`, settings, ports);
  }

  /** Goes on until stopped; where it has been started, nothing changes. */
  start(absent: Absent): void {
    if (this.#beats.isOn || absent.variants.length === 0) return;
    this.#beats.start({ ...absent, asleep: true });
  }

  async stop(): Promise<void> {
    if (!this.#beats.isOn) return;
    this.#beats.stop();
    await this.#beats.sayGoodbye();
  }
}

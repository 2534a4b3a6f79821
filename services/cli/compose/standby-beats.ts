import { hostname } from 'node:os';
import { topicName, type Heartbeat } from '@tandem/schemas';
import type { Settings } from '@tandem/shared/config';
import type { Ports } from './ports.ts';

const INTERVAL_MS = 500;

/** What a worker would serve that is not there. */
export type Absent = Pick<Heartbeat, 'variants' | 'sessions'>;

/** Heartbeats in the name of workers that are asleep: schedulers go on giving out work, and know how long it takes to wake one up. */
export class StandbyBeats {
  readonly #key: string;
  readonly #settings: Pick<Settings, 'prefix' | 'pool'>;
  readonly #ports: Pick<Ports, 'producer' | 'clock' | 'logger' | 'probe'>;
  #absent: Absent | undefined;
  #cancel: () => void = () => undefined;

  constructor(settings: Pick<Settings, 'prefix' | 'pool'>, ports: Pick<Ports, 'producer' | 'clock' | 'logger' | 'probe'>) {
    this.#settings = settings;
    this.#ports = ports;
    this.#key = `standby-${hostname()}-${process.pid}`;
  }

  /** Goes on until stopped; where it has been started, nothing changes. */
  start(absent: Absent): void {
    if (this.#absent !== undefined || absent.variants.length === 0) return;
    this.#absent = absent;
    void this.#beat();
  }

  async stop(): Promise<void> {
    if (this.#absent === undefined) return;
    this.#absent = undefined;
    this.#cancel();
    await this.#send(null);
  }

  async #beat(): Promise<void> {
    const { clock, probe } = this.#ports;
    const next = clock.now() + INTERVAL_MS;
    const resources = await probe.sample();
    if (this.#absent === undefined) return;
    const { pool } = this.#settings;
    const beat: Heartbeat = { kind: 'worker', instance: this.#key, time: clock.now(), ...(pool === undefined ? {} : { pool }), resources, ...this.#absent, asleep: true };
    await this.#send(JSON.stringify(beat));
    if (this.#absent !== undefined) this.#cancel = clock.schedule(next, () => void this.#beat());
  }

  async #send(value: string | null): Promise<void> {
    const { producer, logger } = this.#ports;
    try {
      await producer.send([{ topic: topicName(this.#settings.prefix, 'telemetry'), key: this.#key, value }]);
    } catch (error) {
      logger.warn({ err: error }, 'a heartbeat could not be sent');
    }
  }
}

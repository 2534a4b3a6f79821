import { topicName, type Heartbeat } from '@tandem/schemas';
import type { Settings } from '@tandem/shared/config';
import type { Ports } from './ports.ts';

const INTERVAL_MS = 500;

/** What they say, but for the machine's resources. */
export type Said = Pick<Heartbeat, 'variants'> & Partial<Heartbeat>;

/** Heartbeats in the name of a worker that writes none itself. One that could not be sent is left out. */
export class SteadyBeats {
  readonly #instance: string;
  readonly #settings: Pick<Settings, 'prefix' | 'pool'>;
  readonly #ports: Pick<Ports, 'producer' | 'clock' | 'logger' | 'probe'>;
  /** Undefined: stopped. */
  #said: Said | undefined;
  #cancel: () => void = () => undefined;

  constructor(instance: string, settings: Pick<Settings, 'prefix' | 'pool'>, ports: Pick<Ports, 'producer' | 'clock' | 'logger' | 'probe'>) {
    this.#instance = instance;
    this.#settings = settings;
    this.#ports = ports;
  }

  get isOn(): boolean {
    return this.#said !== undefined;
  }

  start(said: Said): void {
    this.#said = said;
    void this.#beat(said);
  }

  stop(): void {
    this.#said = undefined;
    this.#cancel();
  }

  /** Says that the worker is gone. */
  sayGoodbye(): Promise<void> {
    return this.#send(null);
  }

  async #beat(said: Said): Promise<void> {
    const { clock, probe, logger } = this.#ports;
    const { pool } = this.#settings;
    const next = clock.now() + INTERVAL_MS;
    try {
      const resources = await probe.sample();
      if (this.#said !== said) return;
      const beat: Heartbeat = { kind: 'worker', instance: this.#instance, time: clock.now(), ...(pool === undefined ? {} : { pool }), resources, ...said };
      await this.#send(JSON.stringify(beat));
    } catch (error) {
      logger.warn({ err: error }, 'resources could not be sampled for a heartbeat');
    }
    if (this.#said === said) this.#cancel = clock.schedule(next, () => void this.#beat(said));
  }

  async #send(value: string | null): Promise<void> {
    const { producer, logger } = this.#ports;
    try {
      await producer.send([{ topic: topicName(this.#settings.prefix, 'telemetry'), key: this.#instance, value }]);
    } catch (error) {
      logger.warn({ err: error }, 'a heartbeat could not be sent');
    }
  }
}

import { topicName, type Heartbeat } from '@tandem/schemas';
import type { Settings } from '@tandem/shared/config';
import type { Ports } from './ports.ts';

const INTERVAL_MS = 500;

/** The heartbeats of a worker that an operator has drained: alive, and serving nothing. */
export class DrainedBeats {
  readonly #settings: Settings;
  readonly #ports: Ports;
  #stopped = false;
  #cancel: () => void = () => undefined;

  constructor(settings: Settings, ports: Ports) {
    this.#settings = settings;
    this.#ports = ports;
  }

  start(): void {
    void this.#beat();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  async #beat(): Promise<void> {
    const { instance, pool, prefix } = this.#settings;
    const { clock, probe, producer, logger } = this.#ports;
    const next = clock.now() + INTERVAL_MS;
    try {
      const resources = await probe.sample();
      if (this.#stopped) return;
      const beat: Heartbeat = { kind: 'worker', instance, time: clock.now(), ...(pool === undefined ? {} : { pool }), resources, variants: [], drained: true };
      await producer.send([{ topic: topicName(prefix, 'telemetry'), key: instance, value: JSON.stringify(beat) }]);
    } catch (error) {
      logger.warn({ err: error }, 'a heartbeat could not be sent');
    }
    if (!this.#stopped) this.#cancel = clock.schedule(next, () => void this.#beat());
  }
}

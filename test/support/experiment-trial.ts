import type { ExperimentControl, Response } from '@tandem/schemas';
import { experimentRecords, wished, type ExperimentWish } from '@tandem/shared/control';
import { jsonOf } from '@tandem/shared/core';
import type { LogRecord } from '@tandem/shared/log';
import { expect } from 'vitest';
import { startExperiment } from '../../services/cli/compose/start-experiment.ts';
import type { RunningTandem } from './system.ts';
import { until } from './until.ts';

/** An experiment `split` about the workload of the paced installation. */
export class Trial {
  readonly tandem: RunningTandem;
  readonly responses: Response[] = [];
  #asked = 0;

  private constructor(tandem: RunningTandem) {
    this.tandem = tandem;
  }

  /** Starts it, and waits until the stages know of it. */
  static async begin(tandem: RunningTandem, text: string): Promise<Trial> {
    const trial = new Trial(tandem);
    const { settings: { prefix, models }, client: { ports } } = tandem;
    await startExperiment(text, { prefix, models, workloads: ports.workloads, others: [], producer: ports.producer, actor: 'test', now: Date.now() });
    await until(() => trial.control !== undefined, { what: () => 'the stages to know of the experiment' });
    return trial;
  }

  get control(): ExperimentControl | undefined {
    return this.tandem.client.ports.experiments.named('split');
  }

  /** Of so many users, each once. */
  async ask(users: number, timeoutMs?: number): Promise<Response[]> {
    const drafts = Array.from({ length: users }, (_, user) => ({ workload: 'paced', userId: `user-${user}`, input: { values: [this.#asked += 1] }, hints: { deadlineMs: timeoutMs ?? 20_000 } }));
    const answers = await this.tandem.client.ask(drafts, timeoutMs);
    this.responses.push(...answers);
    return answers;
  }

  /** Requests, one lot after the other, until it is so. */
  async askUntil(isSo: () => boolean): Promise<void> {
    for (let lots = 0; !isSo() && lots < 300; lots += 1) await this.ask(16);
    expect(isSo()).toBe(true);
  }

  async steer(wish: ExperimentWish): Promise<void> {
    const { settings: { prefix }, client: { ports } } = this.tandem;
    const [before, time] = [this.control!, Date.now()];
    const { next, deed } = wished(before, wish, { by: 'test', time });
    await ports.producer.send(experimentRecords(next, { prefix, actor: 'test', deed, time }));
    await until(() => (this.control?.revision ?? 0) > before.revision, { what: () => 'the stages to follow' });
  }

  /** What is on a topic, as far as it can be read. */
  async read<Value>(topic: string): Promise<Value[]> {
    const { settings: { prefix }, client: { ports } } = this.tandem;
    const values: Value[] = [];
    const tail = await ports.log.tail({ topic: prefix + topic, onRecord: ({ value }: LogRecord) => void (value !== null && values.push(jsonOf(value) as Value)) });
    await tail.caughtUp;
    await tail.close();
    return values;
  }

  expectAllComplete(): void {
    expect(this.responses.filter(({ status, reason }) => status !== 'complete' || reason !== undefined)).toEqual([]);
    expect([...this.tandem.client.responses.values()].filter((all) => all.length !== 1)).toEqual([]);
  }
}

/** Which arm each user's answer came from. */
export const armsOf = (responses: readonly Response[]) => new Map(responses.map(({ userId, steps }) => [userId, steps[0]?.experiment?.arm]));

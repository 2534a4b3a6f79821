import { topicName, type Response } from '@tandem/schemas';
import type { Ports } from '../../services/cli/compose/ports.ts';

/** Counts answers as they come, and remembers the latencies since they were last asked for. */
export class Answers {
  #count = 0;
  #latenciesMs: number[] = [];

  static async follow({ log }: Ports, prefix: string): Promise<Answers> {
    const answers = new Answers();
    await log.tail({ topic: topicName(prefix, 'responses'), onRecord: ({ value }) => answers.#add(JSON.parse(value!.toString('utf8')) as Response) });
    return answers;
  }

  get count(): number {
    return this.#count;
  }

  /** From the append of the request until the answer was made, ms, of the answers since the last call. */
  takeLatencies(): number[] {
    return this.#latenciesMs.splice(0);
  }

  #add({ final, latencyMs }: Response): void {
    if (!final) return;
    this.#count += 1;
    this.#latenciesMs.push(latencyMs);
  }
}

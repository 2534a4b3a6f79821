import { seededRandom } from '@tandem/shared/random';
import { heldOutUsers, syntheticUsers } from '../harness/replay-users.ts';

/** One slate that is asked for. */
export interface SlateRequest {
  history: number[];
  count: number;
}

/** How long slates are. */
export const MIXES = {
  /** All the same: nothing for continuous batching to gain but from arrivals. */
  even: () => 10,
  /** Uniform from 1 to 50. */
  mixed: (random: () => number) => 1 + Math.floor(random() * 50),
  /** Four of five want 1 to 5, the others 50. */
  skewed: (random: () => number) => (random() < 0.8 ? 1 + Math.floor(random() * 5) : 50),
} as const;

export type MixName = keyof typeof MIXES;

/** With a slate of 50 behind it, all of it fits into the model: all contenders then do the same work. */
const LONGEST = 79;

/** Users' histories up to random moments. */
export class RequestSource {
  readonly description: string;
  readonly #users: readonly { items: Int32Array }[];
  readonly #seed: number;

  private constructor(description: string, users: readonly { items: Int32Array }[], seed: number) {
    this.description = description;
    this.#users = users;
    this.#seed = seed;
  }

  static async open({ seed, synthetic, catalogueSize }: { seed: number; synthetic: boolean; catalogueSize: number }): Promise<RequestSource> {
    const real = synthetic ? undefined : await heldOutUsers((text) => process.stderr.write(text));
    const description = real === undefined ? 'invented users' : 'histories of held-out users of MovieLens-1M';
    return new RequestSource(description, real ?? syntheticUsers({ seed, catalogueSize }), seed);
  }

  /** The same for the same mix and number. */
  requests(mix: MixName, count: number): SlateRequest[] {
    const random = seededRandom(this.#seed, `slates ${mix}`);
    return Array.from({ length: count }, () => {
      const { items } = this.#users[Math.floor(random() * this.#users.length)]!;
      const until = 1 + Math.floor(random() * (items.length - 1));
      return { history: [...items.subarray(Math.max(0, until - LONGEST), until)], count: MIXES[mix](random) };
    });
  }
}

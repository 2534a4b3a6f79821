import type { Response } from '@tandem/schemas';
import { userHash, type Cache } from '@tandem/shared/cache';
import type { Clock } from '@tandem/shared/clock';
import { OccasionalWarning, type Logger } from '@tandem/shared/telemetry';
import type { ErasedUsers } from './erased-users.ts';

export interface AnswersOptions {
  cache: Cache;
  ttlMs: number;
  clock: Clock;
  logger: Logger;
  erased: Pick<ErasedUsers, 'forgets'>;
}

/** What is known of a request that was accepted: who sent which body under its id. */
export interface Claim {
  /** True: this call is the first under the id. */
  isFirst: boolean;
  /** False: the id was used for another body. */
  isSame: boolean;
}

/**
 * Final responses that may be asked for again, and the ids that were used, in the cache: with Redis any gateway knows them. A cache that is
 * away costs the memory of ids, not requests: fusion still answers each id once.
 */
export class Answers {
  readonly #options: AnswersOptions;
  readonly #warning: OccasionalWarning;

  constructor(options: AnswersOptions) {
    this.#options = options;
    this.#warning = new OccasionalWarning(options.logger, options.clock, 'answers cannot be kept or looked up at the moment');
  }

  async claim(flowId: string, fingerprint: string): Promise<Claim> {
    const { cache, ttlMs } = this.#options;
    const mine = `${fingerprint} ${crypto.randomUUID()}`;
    const there = (await this.#ask(() => cache.setIfAbsent(claimKey(flowId), mine, { ttlMs }))) ?? mine;
    return { isFirst: there === mine, isSame: there.startsWith(`${fingerprint} `) };
  }

  /** Whether the id was used within the time that answers are kept. */
  async isClaimed(flowId: string): Promise<boolean> {
    return (await this.#ask(() => this.#options.cache.get(claimKey(flowId)))) !== undefined;
  }

  /** It was not sent after all: the id is free again. */
  async release(flowId: string): Promise<void> {
    await this.#ask(() => this.#options.cache.delete(claimKey(flowId)));
  }

  async keep(flowId: string, response: Response): Promise<void> {
    const { cache, ttlMs, erased } = this.#options;
    if (erased.forgets(response)) return;
    const owner = response.userId === undefined ? {} : { owner: answersOwner(userHash(response.userId)) };
    await this.#ask(() => cache.set(answerKey(flowId), JSON.stringify(response), { ttlMs, ...owner }));
  }

  async find(flowId: string): Promise<Response | undefined> {
    const text = await this.#ask(() => this.#options.cache.get(answerKey(flowId)));
    const response = text === undefined ? undefined : (JSON.parse(text) as Response);
    return response === undefined || this.#options.erased.forgets(response) ? undefined : response;
  }

  /** @param user SHA-256 of the user id */
  async forget(user: string): Promise<void> {
    await this.#ask(() => this.#options.cache.deleteOwned(answersOwner(user)));
  }

  async #ask<Value>(question: () => Promise<Value>): Promise<Value | undefined> {
    try {
      return await question();
    } catch (error) {
      this.#warning.warn(error);
      return undefined;
    }
  }
}

/** Whom the kept answers to a user belong to. @param user SHA-256 of the user id */
export function answersOwner(user: string): string {
  return `answers:${user}`;
}

const claimKey = (flowId: string) => `gateway/claim/${flowId}`;
const answerKey = (flowId: string) => `gateway/answer/${flowId}`;

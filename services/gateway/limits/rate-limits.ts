import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { DEFAULT_TIER } from '@tandem/schemas';
import { TandemError } from '@tandem/shared/errors';
import type { GatewayContext } from '../context.ts';
import { asksForCredentials } from '../options.ts';
import { Problem } from '../problems/problem.ts';
import { sharedStore } from './shared-store.ts';

const WINDOW_MS = 1_000;
/** Requests a second of a credential whose tier has no rate of its own. */
const DEFAULT_RATE = 1_000;

declare module 'fastify' {
  interface FastifyInstance {
    /** Counts one more request of a call that carries several. @throws {Problem} `rate_limited` */
    countRequest(request: FastifyRequest): Promise<void>;
  }
}

/**
 * Requests a second by credential: the key's own rate, else its tier's. With the headers RateLimit-Limit, -Remaining, -Reset (draft-ietf-httpapi-ratelimit-headers)
 * and Retry-After.
 * @throws {TandemError} `settings_invalid`: a shared store without Redis
 */
export async function limitRates(fastify: FastifyInstance, { settings, cache, clock }: GatewayContext): Promise<void> {
  const { gatewayRates, gatewayRateStore } = settings;
  const fallback = asksForCredentials(settings) ? DEFAULT_RATE : undefined;
  if (gatewayRateStore === 'shared' && !cache.shared) throw new TandemError('gatewayRateStore = shared: counting together needs Redis (--redis redis://host:port)', { code: 'settings_invalid' });
  const rateOf = ({ credential: { ratePerSecond, tier } }: FastifyRequest) => ratePerSecond ?? rateOfTier(gatewayRates, tier) ?? fallback;
  await fastify.register(rateLimit, {
    global: fallback !== undefined || Object.keys(gatewayRates).length > 0,
    timeWindow: WINDOW_MS,
    enableDraftSpec: true,
    keyGenerator: ({ credential }) => `${credential.tenant ?? ''} ${credential.name}`,
    max: (request) => Math.max(1, Math.floor(rateOf(request) ?? 1)),
    allowList: (request) => request.routeOptions.config.scope === 'public' || rateOf(request) === undefined,
    // Counting is no reason to answer nobody.
    skipOnError: true,
    ...(gatewayRateStore === 'shared' ? { store: sharedStore(cache, clock) } : {}),
    errorResponseBuilder: (request, { max }) => exceeded(request, max),
  });
  const check = fastify.createRateLimit();
  fastify.decorate('countRequest', async (request: FastifyRequest) => {
    const state = await check(request);
    if (!state.isAllowed && state.isExceeded) throw exceeded(request, state.max);
  });
}

/** A tier may be called as something that every object has. */
function rateOfTier(rates: Readonly<Record<string, number>>, tier: string = DEFAULT_TIER): number | undefined {
  return Object.hasOwn(rates, tier) ? rates[tier] : undefined;
}

function exceeded({ credential }: FastifyRequest, rate: number): Problem {
  return new Problem('rate_limited', { detail: `${credential.name} has sent more than ${rate} requests within a second.`, retryAfterSeconds: 1 });
}

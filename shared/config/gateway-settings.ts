import { z } from 'zod';
import { MEBIBYTE } from '../units/index.ts';
import { number, pairs } from './fields.ts';

const text = (what: string) => z.string().min(1).max(2_048).optional().describe(what);

/** How the gateway serves HTTP. */
export const gatewaySettings = {
  gatewayPort: number(z.number().int().min(0).max(65_535)).optional().describe('HTTP port of the gateway, 0: a free one; tandem gateway takes 8080, others start no gateway without it'),
  gatewayHost: z.string().min(1).default('127.0.0.1').describe('address that the gateway listens on'),
  gatewayAuth: z.enum(['auto', 'on', 'off']).default('auto').describe('who may call: on: credentials are asked for; auto: on unless it listens on this machine alone'),
  gatewayKeysFile: text('file with the hashes of API keys, made by tandem gateway keys'),
  gatewayJwksUrl: text('keys that sign JSON Web Tokens, as JWKS'),
  gatewayJwtIssuer: text('iss that tokens must have'),
  gatewayJwtAudience: text('aud that tokens must have'),
  gatewayRates: pairs(number(z.number().positive().max(1_000_000)), 'tier:requests[,…]').default({})
    .describe('requests per second and credential by tier, tier:requests[,…]; default: 1000 where credentials are asked for, else no limit'),
  gatewayRateStore: z.enum(['local', 'shared']).default('local').describe('local: each gateway counts by itself; shared: all together, in Redis'),
  gatewayMaxWaiting: number(z.number().int().min(1).max(1_000_000)).default(10_000).describe('requests that wait for their responses; more are refused'),
  gatewayTenantShare: number(z.number().min(0.5).max(1)).default(0.8).describe('largest part of what callers share (places to wait, memory for bodies, look-ups) that one tenant may hold; 1: all of it'),
  gatewayMaxWaitMs: number(z.number().int().min(1).max(3_600_000)).default(30_000).describe('so long the gateway waits for a response to a request without a deadline'),
  gatewayMaxBodyBytes: number(z.number().int().min(1_024).max(MEBIBYTE)).default(MEBIBYTE - 65_536).describe('of a request, of one line of a batch'),
  gatewayMaxTensorBytes: number(z.number().int().min(1_024).max(1_024 * MEBIBYTE)).default(16 * MEBIBYTE).describe('of an inference request (/v2)'),
  gatewayMaxDimension: number(z.number().int().min(1).max(2 ** 31 - 1)).default(4_096).describe('largest size of a named dimension of a tensor (/v2); a variant’s limits may say less'),
  gatewayMaxTensorElements: number(z.number().int().min(1).max(2 ** 31 - 1)).default(4_194_304).describe('of each input and output of an inference (/v2)'),
  gatewayHeaderTimeoutMs: number(z.number().int().min(100).max(600_000)).default(10_000).describe('a client whose headers have not come by then is cut off'),
  gatewayBodyTimeoutMs: number(z.number().int().min(100).max(3_600_000)).default(15_000).describe('a body that has not come whole by then is refused; of a batch: one that has stood still for so long'),
  gatewayAnswerTtlMs: number(z.number().int().min(1_000).max(172_800_000)).default(600_000).describe('so long an answer can be fetched by its request id'),
  gatewayInferenceThreads: number(z.number().int().min(0).max(128)).default(1).describe('for /v2 inference in the gateway; 0: none'),
};

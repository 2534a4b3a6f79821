import type { ConnectionOptions } from 'node:tls';
import { systemClock, type Clock } from '../../clock/index.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { z } from 'zod';
import { parse } from '../consumer-options.ts';

const password = { username: z.string().min(1), password: z.string().min(1) };

const saslSchema = z.discriminatedUnion('mechanism', [
  z.strictObject({ mechanism: z.literal('plain'), ...password }),
  z.strictObject({ mechanism: z.literal('scram-sha-256'), ...password }),
  z.strictObject({ mechanism: z.literal('scram-sha-512'), ...password }),
  z.strictObject({
    mechanism: z.literal('oauthbearer'),
    oauthBearerProvider: z.custom<() => Promise<{ value: string }>>((value) => typeof value === 'function', 'a function that resolves to { value: token }'),
  }),
]);

const schema = z
  .strictObject({
    brokers: z.array(z.string().regex(/^[^\s,:]+:\d+$|^\[[0-9a-f:]+\]:\d+$/i, 'host:port')).min(1),
    clientId: z.string().min(1),
    replacesPredecessor: z.boolean().default(false),
    logger: z.custom<Logger>((value) => typeof value === 'object' && value !== null, 'a logger'),
    prefix: z.string().default('tandem.'),
    ssl: z.union([z.boolean(), z.custom<ConnectionOptions>((value) => typeof value === 'object' && value !== null, 'TLS options')]).default(false),
    sasl: saslSchema.optional(),
    connectionTimeoutMs: z.int().min(1).default(3_000),
    requestTimeoutMs: z.int().min(1).default(30_000),
    settleTimeoutMs: z.int().min(0).default(15_000),
    sessionTimeoutMs: z.int().min(1).default(10_000),
    heartbeatIntervalMs: z.int().min(1).default(500),
    rebalanceTimeoutMs: z.int().min(1).default(30_000),
    maxFetchWaitMs: z.int().min(1).default(100),
    gatherMs: z.int().min(0).default(0),
    metadataMaxAgeMs: z.int().min(1).default(30_000),
    closeTimeoutMs: z.int().min(0).default(5_000),
    clock: z.custom<Clock>((value) => typeof value === 'object' && value !== null, 'a clock').default(systemClock),
  })
  .refine(({ heartbeatIntervalMs, sessionTimeoutMs }) => heartbeatIntervalMs * 3 <= sessionTimeoutMs, {
    message: 'must be at most a third of sessionTimeoutMs',
    path: ['heartbeatIntervalMs'],
  });

/** How the brokers are reached, and how records are fetched and sent. */
export interface KafkaLogOptions {
  /** host:port */
  brokers: string[];
  /** Shown in the broker's logs and quotas. */
  clientId: string;
  /**
   * Whoever else is called `clientId` in a group is an earlier life of this process, and dead: its partitions are free at once, instead of
   * after its session. Only where no two that live have the same name.
   * @default false
   */
  replacesPredecessor?: boolean;
  logger: Logger;
  /** Transactional ids of exclusive writers start with it. @default 'tandem.' */
  prefix?: string;
  /** @default false */
  ssl?: boolean | ConnectionOptions;
  sasl?: z.input<typeof saslSchema>;
  /** @default 3000 */
  connectionTimeoutMs?: number;
  /** A request without an answer for so long is tried again. @default 30000 */
  requestTimeoutMs?: number;
  /** How long set-up (topics, offsets) waits for a broker that starts. @default 15000 */
  settleTimeoutMs?: number;
  /** A member that was not heard of for so long is dead; its partitions go to the others. @default 10000 */
  sessionTimeoutMs?: number;
  /** Also how soon a member hears of a rebalance. @default 500 */
  heartbeatIntervalMs?: number;
  /** @default 30000 */
  rebalanceTimeoutMs?: number;
  /** How long a fetch waits for records; a paused partition resumes after this at the latest. @default 100 */
  maxFetchWaitMs?: number;
  /** While one fetch follows the other, each waits this long for company: fewer fetches carry the same records. @default 0 */
  gatherMs?: number;
  /** How soon partitions that were added, and topics that were deleted and made anew, are noticed. @default 30000 */
  metadataMaxAgeMs?: number;
  /** How long closing waits for records on their way, and for the last commit. @default 5000 */
  closeTimeoutMs?: number;
  /** The machine's, from which the broker's is estimated. @default the system's */
  clock?: Clock;
}

export type ResolvedKafkaLogOptions = z.infer<typeof schema>;

/** @throws {TandemError} `invalid_option`, naming the option */
export function resolveKafkaLogOptions(options: KafkaLogOptions): ResolvedKafkaLogOptions {
  return parse(schema, 'Kafka', options);
}

import { z } from 'zod';
import { invalidOption } from './errors.ts';
import type { ConsumerOptions, ProducerOptions } from './types.ts';

const producerSchema = z.strictObject({
  lingerMs: z.number().min(0).default(0),
  maxBatchBytes: z.int().min(1).default(524_288),
  maxPendingBytes: z.int().min(1).default(33_554_432),
});

const consumerSchema = z.object({
  groupId: z.string().min(1),
  topics: z.array(z.string().min(1)).min(1),
  startFrom: z.enum(['earliest', 'latest']).default('earliest'),
  maxInFlight: z.int().min(1).default(10_000),
  maxFetchBytesPerPartition: z.int().min(1024).default(1_048_576),
  commitIntervalMs: z.int().min(1).default(500),
});

export type ResolvedConsumerOptions = ConsumerOptions & z.infer<typeof consumerSchema>;

/** @throws {TandemError} `invalid_option`, naming the option */
export function resolveConsumerOptions(options: ConsumerOptions): ResolvedConsumerOptions {
  const resolved = parse(consumerSchema, 'consumer', options);
  return { ...options, ...resolved, topics: [...new Set(resolved.topics)] };
}

/** @throws {TandemError} `invalid_option`, naming the option */
export function resolveProducerOptions(options: Partial<ProducerOptions> = {}): ProducerOptions {
  return parse(producerSchema, 'producer', options);
}

/** @throws {TandemError} `invalid_option`, naming the option */
export function parse<Schema extends z.ZodType>(schema: Schema, what: string, options: unknown): z.infer<Schema> {
  const result = schema.safeParse(options);
  if (result.success) return result.data;
  throw invalidOption(`Invalid ${what} option: ${z.prettifyError(result.error)}`);
}

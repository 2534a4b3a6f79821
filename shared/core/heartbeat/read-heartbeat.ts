import { z } from 'zod';
import type { Heartbeat } from '@tandem/schemas';
import { jsonOf } from '../json-of.ts';

/** What every reader rests on; the rest of a heartbeat may be of another version. */
const heartbeatSchema = z.object({
  kind: z.literal('worker'),
  instance: z.string(),
  time: z.number(),
  variants: z.array(z.object({ model: z.string(), precision: z.string() })),
  resources: z.object({ memoryFreeBytes: z.number() }),
});

/**
 * A record of topic `telemetry` as a worker's heartbeat. The topic is internal and also holds notices of erasures, but a foreign
 * record there must stop nobody.
 * @returns undefined: it is none
 */
export function readHeartbeat(value: Buffer): Heartbeat | undefined {
  const parsed = jsonOf(value);
  return heartbeatSchema.safeParse(parsed).success ? (parsed as Heartbeat) : undefined;
}

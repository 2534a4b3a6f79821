import { z } from 'zod';
import type { Heartbeat } from '@tandem/schemas';

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
  try {
    const parsed: unknown = JSON.parse(value.toString('utf8'));
    return heartbeatSchema.safeParse(parsed).success ? (parsed as Heartbeat) : undefined;
  } catch {
    return undefined;
  }
}

import { z } from 'zod';
import type { SuspectsNotice } from '@tandem/schemas';
import { jsonOf } from '../json-of.ts';

const noticeSchema = z.object({ kind: z.literal('suspects'), instance: z.string(), runs: z.record(z.string(), z.number().int().positive()) });

/** A record of topic `telemetry` as word of which suspects a worker runs. Undefined: it is none. */
export function readSuspectsNotice(value: Buffer): SuspectsNotice | undefined {
  return noticeSchema.safeParse(jsonOf(value)).data;
}

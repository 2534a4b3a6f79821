import { z } from 'zod';
import type { SchedulerReport } from '@tandem/schemas';
import { jsonOf } from '../json-of.ts';

const reportSchema = z.object({
  kind: z.literal('scheduler'), instance: z.string(), time: z.number(), dispatched: z.number(), refused: z.number(), bulk: z.number(), waiting: z.number(),
});

/** A record of topic `telemetry` as a scheduler's report. Undefined: it is none. */
export function readSchedulerReport(value: Buffer): SchedulerReport | undefined {
  return reportSchema.safeParse(jsonOf(value)).data;
}

import { z } from 'zod';
import { TandemError } from '@tandem/shared/errors';

const offsets = z.array(z.number().int().min(0));

/** What lies beside the output, so that a job can go on after its process has ended in whatever way. */
export const stateSchema = z.object({
  version: z.literal(1),
  job: z.string(),
  fingerprint: z.string(),
  idSuffix: z.string(),
  /** Prefix of topics. */
  prefix: z.string(),
  /** False: the log has gone with the process. */
  durable: z.boolean(),
  /** Of `tandem.requests`, for a replay. */
  ranges: z.array(z.object({ partition: z.number(), from: z.number(), to: z.number() })).optional(),
  /** Ends of the topics when the job began, by partition. */
  starts: z.object({ requests: offsets, responses: offsets, deadLetters: offsets }),
  /** Every response before these offsets is in the first `outputBytes` of the output, and those are durable. */
  responses: offsets,
  outputBytes: z.number().int().min(0),
  /** For people. */
  answered: z.number(),
  savedAt: z.string(),
});
export type BackfillState = z.infer<typeof stateSchema>;

/** @throws {TandemError} `state_unreadable` */
export function parseState(text: string): BackfillState {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const parsed = stateSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new TandemError('the state beside the output cannot be read (of another version?): --restart begins anew', { code: 'state_unreadable' });
}

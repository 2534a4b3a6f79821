import { z } from 'zod';
import { experimentControlSchema } from './experiment.ts';
import { epochMillisSchema } from './ids.ts';

const byWhom = {
  by: z.string().min(1).max(256).describe('who wants it'),
  time: epochMillisSchema,
};

/**
 * Topic `control` (compacted): what operators want of the stages until they take it back with a tombstone.
 * `lane_hold`, key `lane/<lane>`: no new request of the lane is taken in; those that wait stay in the log.
 * `worker_drain`, key `worker/<instance>`: the worker finishes what it has and leaves its work to others.
 * `experiment`, key `experiment/<name>`: which variants answer which share of the users.
 */
export const controlSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('lane_hold'), lane: z.enum(['interactive', 'bulk']), ...byWhom }),
  z.object({ kind: z.literal('worker_drain'), instance: z.string().min(1).max(200), ...byWhom }),
  experimentControlSchema,
]);
export type Control = z.infer<typeof controlSchema>;

/** Topic `audit`: what somebody did through a dashboard, a gateway or the command line, and what came of it. */
export const auditEntrySchema = z.object({
  time: epochMillisSchema,
  actor: z.string().max(256).describe('name of the credential; `local` where none is asked for'),
  action: z.string().max(64).describe('for example lane.pause, worker.drain, model.rollback, dead-letters.replay'),
  target: z.string().max(4_096),
  outcome: z.enum(['done', 'failed']),
  detail: z.string().max(4_096).optional(),
});
export type AuditEntry = z.infer<typeof auditEntrySchema>;

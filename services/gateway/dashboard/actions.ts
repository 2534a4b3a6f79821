import { z } from 'zod';
import type { Operator } from './operate/operator.ts';

const lane = z.enum(['interactive', 'bulk']);
const instance = z.string().min(1).max(200);

/** What the page asks an operator's credential for. */
export const actionSchema = z.discriminatedUnion('action', [
  z.object({ action: z.literal('lane.pause'), lane }),
  z.object({ action: z.literal('lane.resume'), lane }),
  z.object({ action: z.literal('worker.drain'), instance }),
  z.object({ action: z.literal('worker.resume'), instance }),
  z.object({ action: z.literal('dead-letters.replay'), keys: z.array(z.string().min(1).max(400)).min(1).max(100) }),
]);
export type Action = z.infer<typeof actionSchema>;

/** @returns what to tell whoever did it, beside that it is done */
export async function act(operator: Operator, actor: string, wanted: Action, signal: AbortSignal): Promise<object> {
  switch (wanted.action) {
    case 'lane.pause': await operator.pauseLane(actor, wanted.lane); return {};
    case 'lane.resume': await operator.resumeLane(actor, wanted.lane); return {};
    case 'worker.drain': await operator.drainWorker(actor, wanted.instance); return {};
    case 'worker.resume': await operator.resumeWorker(actor, wanted.instance); return {};
    case 'dead-letters.replay': return operator.replay(actor, wanted.keys, signal);
  }
}

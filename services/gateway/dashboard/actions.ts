import { z } from 'zod';
import type { ExperimentControl } from '@tandem/schemas';
import { experimentNamed, promotionOf, rollbackOf } from '@tandem/shared/control';
import { TandemError } from '@tandem/shared/errors';
import { loadRegistry } from '@tandem/shared/registry';
import { Problem } from '../problems/problem.ts';
import type { Operator } from './operate/operator.ts';

const lane = z.enum(['interactive', 'bulk']);
const instance = z.string().min(1).max(200);
const experiment = z.string().min(1).max(64);
const arm = z.string().min(1).max(64);
const variant = z.string().min(1).max(200);

/** What the page asks an operator's credential for. */
export const actionSchema = z.discriminatedUnion('action', [
  z.object({ action: z.literal('lane.pause'), lane }),
  z.object({ action: z.literal('lane.resume'), lane }),
  z.object({ action: z.literal('worker.drain'), instance }),
  z.object({ action: z.literal('worker.resume'), instance }),
  z.object({ action: z.literal('experiment.weights'), experiment, weights: z.record(arm, z.number().min(0).max(1_000_000)) }),
  z.object({ action: z.literal('experiment.promote'), experiment, arm }),
  z.object({ action: z.literal('experiment.rollback'), experiment, arm: arm.optional() }),
  z.object({ action: z.literal('experiment.stop'), experiment }),
  z.object({ action: z.literal('model.promote'), variant, version: z.string().min(1).max(64) }),
  z.object({ action: z.literal('model.rollback'), variant }),
  z.object({ action: z.literal('dead-letters.replay'), keys: z.array(z.string().min(1).max(400)).min(1).max(100) }),
]);
export type Action = z.infer<typeof actionSchema>;

type ExperimentAction = Extract<Action, { experiment: string }>;

/** Only against what the page shows now: an experiment that is not known is not steered. */
async function steer(operator: Operator, actor: string, wanted: ExperimentAction, experiments: readonly ExperimentControl[]): Promise<object> {
  try {
    const control = experimentNamed(wanted.experiment, experiments);
    switch (wanted.action) {
      case 'experiment.weights': await operator.steerExperiment(actor, control, { deed: 'weights', weights: wanted.weights }); break;
      case 'experiment.promote': await operator.steerExperiment(actor, control, { deed: 'promote', arm: wanted.arm }); break;
      case 'experiment.rollback': await operator.steerExperiment(actor, control, { deed: 'rollback', arm: wanted.arm }); break;
      case 'experiment.stop': await operator.steerExperiment(actor, control, { deed: 'stop' }); break;
    }
    return {};
  } catch (error) {
    if (error instanceof TandemError && error.code.startsWith('experiment_')) throw new Problem('invalid_request', { detail: error.message });
    throw error;
  }
}

type ReleaseAction = Extract<Action, { variant: string }>;

/** Of the registry as it is now. */
async function release(operator: Operator, actor: string, wanted: ReleaseAction, models: string): Promise<object> {
  try {
    const registry = await loadRegistry(models);
    await operator.release(actor, wanted.action === 'model.promote' ? promotionOf(registry, wanted.variant, wanted.version) : rollbackOf(registry, wanted.variant));
    return {};
  } catch (error) {
    if (error instanceof TandemError && error.code === 'not_found') throw new Problem('invalid_request', { detail: error.message });
    throw error;
  }
}

/** What actions are held against. */
export interface ActionContext {
  experiments: readonly ExperimentControl[];
  /** Folder of the registry. */
  models: string;
  signal: AbortSignal;
}

/** @returns what to tell whoever did it, beside that it is done */
export async function act(operator: Operator, actor: string, wanted: Action, { experiments, models, signal }: ActionContext): Promise<object> {
  switch (wanted.action) {
    case 'lane.pause': await operator.pauseLane(actor, wanted.lane); return {};
    case 'lane.resume': await operator.resumeLane(actor, wanted.lane); return {};
    case 'worker.drain': await operator.drainWorker(actor, wanted.instance); return {};
    case 'worker.resume': await operator.resumeWorker(actor, wanted.instance); return {};
    case 'experiment.weights':
    case 'experiment.promote':
    case 'experiment.rollback':
    case 'experiment.stop': return steer(operator, actor, wanted, experiments);
    case 'model.promote':
    case 'model.rollback': return release(operator, actor, wanted, models);
    case 'dead-letters.replay': return operator.replay(actor, wanted.keys, signal);
  }
}

import type { ExperimentControl, Workload } from '@tandem/schemas';
import { checkExperiment, experimentRecords } from '@tandem/shared/control';
import { started } from '@tandem/shared/core';
import type { LogProducer } from '@tandem/shared/log';
import { loadRegistry } from '@tandem/shared/registry';

export interface StartOptions {
  prefix: string;
  /** Folder of the registry: of versions, what is promoted later. */
  models: string;
  workloads: readonly Workload[];
  others: readonly ExperimentControl[];
  producer: Pick<LogProducer, 'send'>;
  actor: string;
  /** Epoch ms. */
  now: number;
  /** Of an experiment of that name, also of one that is removed; epoch ms. */
  lastStartOf?: (name: string) => number | undefined;
}

/**
 * Has the stages follow an experiment's file.
 * @throws {TandemError} `experiment_invalid`, `experiment_conflict`
 */
export async function startExperiment(text: string, { prefix, models, workloads, others, producer, actor, now, lastStartOf }: StartOptions): Promise<ExperimentControl> {
  const { variants } = await loadRegistry(models);
  const { definition, releases } = checkExperiment(text, { workloads, variants, others });
  const before = others.find((other) => other.definition.name === definition.name);
  const control = started(definition, releases, { by: actor, time: Math.max(now, (lastStartOf?.(definition.name) ?? -1) + 1), why: 'started' }, before);
  await producer.send(experimentRecords(control, { prefix, actor, deed: 'start', time: now }));
  return control;
}

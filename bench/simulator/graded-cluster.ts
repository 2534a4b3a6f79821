import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { workloadSchema, type Variant, type Workload } from '@tandem/schemas';
import { loadRegistry } from '@tandem/shared/registry';
import type { Contender } from '../harness/contender.ts';
import { startContender } from '../harness/process-contender.ts';
import { makeModels } from '../scenarios/made/made-models.ts';
import { FAILING_FILE, GRADES } from './grades.ts';

const ENTRY = join(import.meta.dirname, '../../services/cli/tandem.ts');
const MODEL = 'graded';
/** Kafka hears of members twice a second; a lost one is given up after this. */
export const SESSION_TIMEOUT_MS = 6_000;
export const WORKERS = 2;

export interface GradedModels {
  models: string;
  workloads: string;
  variants: readonly Variant[];
  workload: Workload;
  /** While it is there, fp32 fails. */
  failingFile: string;
}

/** The model, its variants and its workload, in folders that the stages read as any user's. */
export async function gradedModels(folder: string): Promise<GradedModels> {
  mkdirSync(folder, { recursive: true });
  const steps = [{ id: 'fine', role: 'fine', model: MODEL }];
  const made = makeModels(folder, {
    name: MODEL, adapters: import.meta.dirname, graph: 'slow', plans: { fine: { strategy: 'rerank', steps } },
    models: Object.entries(GRADES).map(([precision, { accuracy }]) => ({ model: MODEL, precision, accuracy })),
  });
  const { variants } = await loadRegistry(made.models);
  const workload = workloadSchema.parse(JSON.parse(readFileSync(join(made.workloads, 'recommend.json'), 'utf8')));
  return { ...made, variants, workload, failingFile: join(folder, 'failing') };
}

/** One process with all stages but the workers, and workers of one thread each, which nobody starts again. The first process is the chain. */
export function gradedCluster({ models, workloads, failingFile }: GradedModels, policy: readonly string[]): Contender {
  return {
    name: `graded, ${policy.join(' ')}`, description: 'the chain, and two workers of one thread each', task: 'fine',
    async start({ kafka, prefix, folder }, before = []) {
      const words = [
        '--kafka', kafka, '--prefix', prefix, '--http-port', '0', '--log-level', 'error', '--models', models, '--workloads', workloads,
        '--session-timeout-ms', String(SESSION_TIMEOUT_MS),
      ];
      const stage = (...args: string[]) => ({
        command: before[0] ?? process.execPath, args: [...before.slice(1), ...(before.length === 0 ? [] : [process.execPath]), ENTRY, 'stage', ...args, ...words],
        environment: { [FAILING_FILE]: failingFile },
      });
      const workers = Array.from({ length: WORKERS }, (_, index) => stage('worker', '--threads', '1', '--instance', `worker-${index + 1}`));
      return startContender([stage('edge', ...policy), ...workers], folder);
    },
  };
}

import { join } from 'node:path';
import type { Variant } from '@tandem/schemas';
import { checkGolden, createOnnxEngine, goldenCasesOf, loadGolden, parseProvider, type Golden, type InferenceEngine } from '@tandem/shared/engine';
import { TandemError, messageOf } from '@tandem/shared/errors';
import { loadRegistry, variantName, type LoadedRegistry } from '@tandem/shared/registry';
import { shellQuoted } from '../../shell-flags.ts';
import { failed, ok, warning, type Finding } from '../finding.ts';
import type { Patient } from '../patient.ts';
import type { Check } from '../run-checks.ts';

const LIMIT_MS = 120_000;
const HASHES = /sha256 is ([0-9a-f]{64}), the registry says ([0-9a-f]{64})/;

function mendOf(error: unknown, directory: string): string {
  const registry = shellQuoted(join(directory, 'registry.json'));
  const [, actual, registered] = HASHES.exec(messageOf(error)) ?? [];
  if (actual !== undefined && registered !== undefined) {
    return `restore the released file (git checkout -- ${shellQuoted(directory)}); if this one is right: sed -i s/${registered}/${actual}/ ${registry}`;
  }
  const code = error instanceof TandemError ? error.code : '';
  if (code === 'model_missing') return `restore the file (git checkout -- ${shellQuoted(directory)}), or take its entry out of ${registry}`;
  if (code === 'model_tensors_mismatch') return `write the model's own names, types and shapes into ${registry}, or export it with those`;
  return `export the model again, or take its entry out of ${registry}`;
}

async function goldenFindings(loaded: Awaited<ReturnType<InferenceEngine['load']>>, golden: Golden | undefined): Promise<{ differences: string[]; answered: number }> {
  const cases = goldenCasesOf(golden, loaded.variant);
  const differences: string[] = [];
  for (const each of cases) {
    const difference = await checkGolden(loaded, each, golden?.tolerance ?? 0);
    if (difference !== undefined) differences.push(difference);
  }
  return { differences, answered: cases.length };
}

async function examine(variant: Variant, engine: InferenceEngine, golden: Golden | undefined, { settings }: Patient): Promise<Finding> {
  const name = variantName(variant);
  const [wanted = 'cpu'] = settings.providers.map(parseProvider).map((provider) => (typeof provider === 'string' ? provider : provider.name));
  try {
    const loaded = await engine.load(variant);
    const { differences, answered } = await goldenFindings(loaded, golden);
    await loaded.unload();
    if (differences.length > 0) return failed('golden_differs', `${name}: ${differences.join('; ')}`, `restore the released file (git checkout -- ${shellQuoted(settings.models)}), or take new golden inputs for the new one (tools/golden.py)`);
    if (loaded.provider !== wanted) return failed('provider_unavailable', `${name} runs on ${loaded.provider}: ${wanted} cannot be used here`, 'npm rebuild onnxruntime-node --onnxruntime-node-install=cuda12    (with the driver and its libraries installed), or --providers cpu');
    return ok(`${name} ${variant.version}: hashes are right, loads on ${loaded.provider}, ${answered === 0 ? 'has no golden inputs' : 'answers its golden inputs'}`);
  } catch (error) {
    return failed(error instanceof TandemError ? error.code : 'internal', `${name}: ${messageOf(error)}`, mendOf(error, settings.models));
  }
}

async function each(registry: LoadedRegistry, golden: Golden | undefined, patient: Patient): Promise<Finding[]> {
  const { settings } = patient;
  await using engine = createOnnxEngine({ modelsDirectory: registry.directory, threads: 1, graphOptimization: settings.graphOptimization, providers: settings.providers.map(parseProvider) });
  const found: Finding[] = [];
  for (const variant of registry.variants.filter(({ status }) => status !== 'retired')) found.push(await examine(variant, engine, golden, patient));
  return found;
}

/** Every variant that may serve: hashes, tensors, whether it loads and warms up, and its golden inputs. */
export const modelsCheck: Check = {
  name: 'models',
  limitMs: LIMIT_MS,
  mend: 'point --models at a folder with a registry.json (tandem init makes one)',
  async run(patient) {
    const registry = await loadRegistry(patient.settings.models);
    const found = registry.refused.map((error) => failed(error.code, error.message, `mend the entry in ${shellQuoted(join(registry.directory, 'registry.json'))}; schemas/generated/registry.schema.json is its shape`));
    if (registry.variants.length === 0) found.push(warning('no_models', `${registry.directory} has no model`, 'tandem init FOLDER --model MODEL.onnx    (makes an entry)'));
    return [...found, ...(await each(registry, await loadGolden(registry.directory), patient))];
  },
};

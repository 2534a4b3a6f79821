import { createHash, randomUUID } from 'node:crypto';
import { copyFile, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Registry, Request, Variant, Workload } from '@tandem/schemas';
import { createOnnxEngine, describeModel, runGolden, type Golden, type GoldenCase, type LoadedVariant } from '@tandem/shared/engine';
import { TandemError, messageOf } from '@tandem/shared/errors';
import { adapterText } from './adapter-template.ts';
import { exampleInput, goldenInputs } from './example.ts';
import { planModel, type ModelPlan, type PlanOptions } from './plan-model.ts';

export interface InitOptions extends PlanOptions {
  /** To be made; empty, where it is there. */
  folder: string;
  /** An ONNX file. */
  model: string;
  /** Of model, workload and adapter. */
  name: string;
  precision: string;
  /** Of classes, in the order of the output. */
  labels?: readonly string[] | undefined;
  deadlineMs: number;
  /** ISO date, for the registry. */
  today: string;
}

/** What has been made, by paths that can be used from here. */
export interface MadeFolder {
  folder: string;
  models: string;
  workloads: string;
  adapter: string;
  requests: string;
  plan: ModelPlan;
}

const GRAPH = 'main';
const TOLERANCE = 1e-4;
/** Answers of whole-number arithmetic differ between processors. */
const EXACT: ReadonlySet<string> = new Set(['fp32', 'fp16', 'bf16']);

/**
 * Makes a folder with a registry entry, golden answers, a workload, an adapter and an example request for a model, all from
 * what the model itself says; nothing stays behind where that fails.
 * @throws {TandemError} `folder_not_empty`, `model_missing`, `model_load_failed`, `model_not_supported`, `usage`
 */
export async function makeFolder(options: InitOptions): Promise<MadeFolder> {
  const folder = resolve(options.folder);
  await requireEmpty(options.folder);
  const plan = planModel(await describeModel(options.model), options);
  requireLabels(options.labels, plan);
  const draft = `${folder}.${randomUUID().slice(0, 8)}`;
  try {
    await fill(draft, options, plan);
    await mkdir(dirname(folder), { recursive: true });
    await rename(draft, folder);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  const at = (...names: string[]) => join(options.folder, ...names);
  return { folder: options.folder, models: at('models'), workloads: at('workloads'), adapter: at('workloads', `${options.name}.mjs`), requests: at('requests.jsonl'), plan };
}

async function requireEmpty(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new TandemError(`${folder} is no folder that can be used: ${messageOf(error)}`, { code: 'folder_not_empty', cause: error });
  });
  if (names.length > 0) throw new TandemError(`${folder} is there and not empty (${names.slice(0, 3).join(', ')}); nothing is overwritten: name a new folder`, { code: 'folder_not_empty' });
}

function requireLabels(labels: readonly string[] | undefined, { kind, width, output }: ModelPlan): void {
  if (labels === undefined) return;
  if (kind !== 'classes') throw new TandemError(`--labels: output ${output.name} [${output.spec.shape.join(', ')}] has no classes`, { code: 'usage' });
  if (width !== undefined && width !== labels.length) throw new TandemError(`--labels names ${labels.length}; output ${output.name} has ${width} classes`, { code: 'usage' });
}

async function fill(draft: string, options: InitOptions, plan: ModelPlan): Promise<void> {
  const { name, labels, deadlineMs } = options;
  const [models, workloads] = [join(draft, 'models'), join(draft, 'workloads')];
  await mkdir(join(models, name), { recursive: true });
  await mkdir(workloads);
  const variant = await register(models, options, plan);
  const registry: Registry = { registryVersion: 1, models: [variant] };
  await writeJson(join(models, 'registry.json'), registry);
  const golden = await answersOf(models, variant);
  if (EXACT.has(options.precision)) await writeJson(join(models, 'golden.json'), { tolerance: TOLERANCE, cases: [golden] } satisfies Golden);
  const isSoftmaxNeeded = plan.kind === 'classes' && !areProbabilities(golden.outputs[plan.output.name]);
  await writeFile(join(workloads, `${name}.mjs`), adapterText({ ...plan, name, graph: GRAPH, isSoftmaxNeeded }));
  const workload = workloadOf(name, deadlineMs, `${name}: ${plan.kind === 'classes' ? `which of ${labels?.length ?? plan.width ?? 'several'} classes` : 'the model’s numbers'}. Made by tandem init.`);
  await writeJson(join(workloads, `${name}.json`), workload);
  const request: Request = { requestId: 'example-1', workload: name, input: exampleInput(plan.inputs) };
  await writeFile(join(draft, 'requests.jsonl'), `${JSON.stringify(request)}\n`);
}

function workloadOf(name: string, deadlineMs: number, description: string): Pick<Workload, 'name' | 'description' | 'adapter' | 'deadlineMs' | 'defaultTask'> & { plans: object } {
  const plans = { coarse: { strategy: 'cascade', steps: [{ id: 'answer', role: 'coarse', model: name }] } };
  return { name, description, adapter: `${name}.mjs`, deadlineMs, defaultTask: 'coarse', plans };
}

/** Copies the model and describes what lies there. */
async function register(models: string, { model, name, precision, labels, today }: InitOptions, plan: ModelPlan): Promise<Variant> {
  const file = `${name}/${GRAPH}.${precision}.onnx`;
  await copyFile(model, join(models, file));
  const bytes = await readFile(join(models, file));
  return {
    model: name, precision, version: '1', status: 'stable', adapter: name,
    ...(labels === undefined ? {} : { labels: [...labels] }),
    graphs: { [GRAPH]: { file, sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.byteLength, inputs: plan.inputs, outputs: { [plan.output.name]: plan.output.spec } } },
    limits: {},
    accuracy: { metric: 'not measured', value: 0, others: {}, data: 'none', date: today },
    lineage: { from: basename(model) },
  };
}

/** What the copy answers to the examples: it loads, its tensors are as registered, and later it can be told whether it still does. */
async function answersOf(models: string, variant: Variant): Promise<GoldenCase> {
  await using engine = createOnnxEngine({ modelsDirectory: models, threads: 1 });
  const loaded = await engine.load(variant);
  // Awaited here: the engine is closed when this ends.
  return await answer(loaded, variant);
}

async function answer(loaded: LoadedVariant, { model, precision, graphs }: Variant): Promise<GoldenCase> {
  const inputs = goldenInputs(graphs[GRAPH]?.inputs ?? {});
  return { model, precision, graph: GRAPH, inputs, outputs: await runGolden(loaded, { graph: GRAPH, inputs }) };
}

function areProbabilities(output: GoldenCase['outputs'][string] | undefined): boolean {
  if (output === undefined) return false;
  const [rows = 1] = output.shape;
  const width = output.data.length / rows;
  const isOne = (row: number) => Math.abs(output.data.slice(row * width, (row + 1) * width).reduce((sum, value) => sum + value, 0) - 1) < 0.01;
  return output.data.every((value) => value >= 0 && value <= 1) && Array.from({ length: rows }, (_, row) => isOne(row)).every(Boolean);
}

async function writeJson(file: string, value: unknown): Promise<void> {
  await writeFile(file, `${JSON.stringify(value, null, 2)}\n`);
}

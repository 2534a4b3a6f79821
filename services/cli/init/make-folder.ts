import { createHash, randomUUID } from 'node:crypto';
import { copyFile, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Registry, Request, Variant, Workload } from '@tandem/schemas';
import { createOnnxEngine, describeModel, runGolden, type Golden, type GoldenCase, type LoadedVariant } from '@tandem/shared/engine';
import { TandemError, messageOf } from '@tandem/shared/errors';
import { adapterText } from './adapter-template.ts';
import { externalFiles } from './external-files.ts';
import { exampleInput, goldenInputs } from './example.ts';
import { planModel, type ModelPlan, type PlanOptions } from './plan-model.ts';

export interface InitOptions extends PlanOptions {
  /** To be made; empty, where it is there. */
  folder: string;
  /** An ONNX file. */
  model: string;
  /** Another one for the same inputs and the same answer, which is asked where the first is not confident. */
  large?: string | undefined;
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
  /** A small model and a large one. */
  isPair: boolean;
  plan: ModelPlan;
}

const GRAPH = 'main';
/** Of the small model's answer: the large one is not asked. To be set by what its confidence is worth. */
const CONFIDENT = 0.9;
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
  const members = await membersOf(options);
  const [{ plan }] = members;
  requireLabels(options.labels, plan);
  const draft = `${folder}.${randomUUID().slice(0, 8)}`;
  try {
    await fill(draft, options, members);
    await mkdir(dirname(folder), { recursive: true });
    await rename(draft, folder);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  const at = (...names: string[]) => join(options.folder, ...names);
  return { folder: options.folder, isPair: members.length > 1, models: at('models'), workloads: at('workloads'), adapter: at('workloads', `${options.name}.mjs`), requests: at('requests.jsonl'), plan };
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

/** A model of the folder. */
interface Member {
  /** In the registry. */
  model: string;
  source: string;
  plan: ModelPlan;
}

type Members = [Member] | [small: Member, large: Member];

/** @throws {TandemError} what `planModel` throws; `model_not_supported`: one adapter cannot serve both */
async function membersOf(options: InitOptions): Promise<Members> {
  const { name, model: source, large } = options;
  const plan = planModel(await describeModel(source), options);
  if (large === undefined) return [{ model: name, source, plan }];
  const members: Members = [
    { model: `${name}-small`, source, plan }, { model: `${name}-large`, source: large, plan: planModel(await describeModel(large), options) },
  ];
  const [one = '', other = ''] = members.map((member) => interfaceOf(member.plan));
  if (one === other) return members;
  throw new TandemError(`${source} is ${one}, ${large} is ${other}: both have to take the same inputs and give as many numbers. Make a folder for each, and put them together with an adapter that knows both (docs/own-models.md)`, { code: 'model_not_supported' });
}

function interfaceOf({ inputs, kind, width }: ModelPlan): string {
  const shapes = Object.entries(inputs).map(([name, { shape }]) => `${name} [${shape.join(', ')}]`).sort();
  return `${shapes.join(', ')} → ${width ?? 'any number of'} ${kind}`;
}

async function fill(draft: string, options: InitOptions, members: Members): Promise<void> {
  const { name, labels, deadlineMs } = options;
  const [models, workloads] = [join(draft, 'models'), join(draft, 'workloads')];
  await mkdir(workloads, { recursive: true });
  const variants = await Promise.all(members.map((member) => register(models, options, member)));
  await writeJson(join(models, 'registry.json'), { registryVersion: 1, models: variants } satisfies Registry);
  const cases = await answersOf(models, variants);
  if (EXACT.has(options.precision)) await writeJson(join(models, 'golden.json'), { tolerance: TOLERANCE, cases } satisfies Golden);
  const [{ plan }] = members;
  const isSoftmaxNeeded = plan.kind === 'classes' && !cases.every(({ outputs }) => areProbabilities(Object.values(outputs)[0]));
  await writeFile(join(workloads, `${name}.mjs`), adapterText({ ...plan, name, graph: GRAPH, isSoftmaxNeeded }));
  const workload = { name, description: `${name}: ${plan.kind === 'classes' ? `which of ${labels?.length ?? plan.width ?? 'several'} classes` : 'the model’s numbers'}. Made by tandem init.`, adapter: `${name}.mjs`, deadlineMs };
  await writeJson(join(workloads, `${name}.json`), { ...workload, ...plansOf(members) } satisfies NewWorkload);
  const request: Request = { requestId: 'example-1', workload: name, input: exampleInput(plan.inputs) };
  await writeFile(join(draft, 'requests.jsonl'), `${JSON.stringify(request)}\n`);
}

type NewWorkload = Pick<Workload, 'name' | 'description' | 'adapter' | 'deadlineMs' | 'defaultTask'> & { plans: object };

function plansOf([{ model, plan }, large]: Members): Pick<NewWorkload, 'defaultTask' | 'plans'> {
  const coarse = { strategy: 'cascade', steps: [{ id: large === undefined ? 'answer' : 'small', role: 'coarse', model }] };
  if (large === undefined) return { defaultTask: 'coarse', plans: { coarse } };
  const fine = { id: 'large', role: 'fine', model: large.model };
  const second = { ...fine, after: ['small'], ...(plan.kind === 'classes' ? { skipWhenConfident: CONFIDENT } : {}) };
  return { defaultTask: 'full', plans: { coarse, fine: { strategy: 'cascade', steps: [fine] }, full: { strategy: 'cascade', steps: [...coarse.steps, second] } } };
}

/** Copies the model and describes what lies there. */
async function register(models: string, { precision, name, labels, today }: InitOptions, { model, source, plan }: Member): Promise<Variant> {
  const file = `${model}/${GRAPH}.${precision}.onnx`;
  await mkdir(join(models, model), { recursive: true });
  await copyFile(source, join(models, file));
  const bytes = await readFile(join(models, file));
  const weights = await copyWeights(bytes, dirname(source), join(models, model));
  return {
    model, precision, version: '1', status: 'stable', adapter: name,
    ...(labels === undefined ? {} : { labels: [...labels] }),
    graphs: { [GRAPH]: {
      file, sha256: sha256Of(bytes), bytes: bytes.byteLength, ...(weights.length === 0 ? {} : { weights }),
      inputs: plan.inputs, outputs: { [plan.output.name]: plan.output.spec },
    } },
    limits: {},
    accuracy: { metric: 'not measured', value: 0, others: {}, data: 'none', date: today },
    lineage: { from: basename(source) },
  };
}

/** What lies in other files of the model's folder, beside the copy. @throws {TandemError} `model_missing`, `model_not_supported` */
async function copyWeights(model: Uint8Array, from: string, to: string): Promise<{ file: string; sha256: string }[]> {
  return Promise.all(externalFiles(model).map(async (file) => {
    if (basename(file) !== file) throw new TandemError(`the model’s weights lie at ${file}; they have to lie in its own folder: onnx.save(model, …, save_as_external_data=True, location='weights.data')`, { code: 'model_not_supported' });
    const target = join(to, file);
    await copyFile(join(from, file), target);
    return { file: `${basename(to)}/${file}`, sha256: sha256Of(await readFile(target)) };
  }));
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** What the copies answer to the examples: they load, their tensors are as registered, and later it can be told whether they still do. */
async function answersOf(models: string, variants: readonly Variant[]): Promise<GoldenCase[]> {
  await using engine = createOnnxEngine({ modelsDirectory: models, threads: 1 });
  const cases: GoldenCase[] = [];
  for (const variant of variants) cases.push(await answer(await engine.load(variant), variant));
  return cases;
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

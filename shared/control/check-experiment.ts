import { experimentSchema, type Experiment, type ExperimentArm, type ExperimentControl, type Variant, type Workload } from '@tandem/schemas';
import { controlArm, describeIssues, servingArms, weightsProblem } from '../core/index.ts';
import { TandemError } from '../errors/index.ts';

export interface ExperimentContext {
  workloads: readonly Workload[];
  /** All of the registry, canaries too. */
  variants: readonly Variant[];
  /** Experiments that there are. */
  others: readonly ExperimentControl[];
}

/** An experiment that the registry and the workload allow, with what its arms stand for. */
export interface CheckedExperiment {
  definition: Experiment;
  /** By arm that names a version. */
  releases: Record<string, Variant>;
}

const invalid = (message: string) => new TandemError(message, { code: 'experiment_invalid' });

/** @throws {TandemError} `experiment_invalid` */
function parsed(text: string): Experiment {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw invalid(`the file is not JSON: ${(error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ')}`);
  }
  const read = experimentSchema.safeParse(json);
  if (!read.success) throw invalid(`the file is not an experiment: ${describeIssues(read.error)} (schemas/generated/experiment.schema.json says what one is)`);
  return read.data;
}

function checkArms({ arms, control, ...definition }: Experiment): void {
  const names = arms.map(({ name }) => name);
  if (new Set(names).size < names.length) throw invalid(`two arms have the same name among ${names.join(', ')}`);
  const serving = servingArms({ arms, ...definition });
  if (control !== undefined && !serving.some(({ name }) => name === control)) throw invalid(`control is ${control}; it has to be an arm that serves: ${serving.map(({ name }) => name).join(', ')}`);
  if (serving.length === 0 || arms[0]?.shadow === true) throw invalid('the first arm has to serve, not to shadow');
  if (arms.length === 1) throw invalid('one arm alone compares nothing: add another, or one with "shadow": true');
  const problem = weightsProblem({ arms, ...definition }, Object.fromEntries(arms.map(({ name, weight }) => [name, weight])));
  if (problem !== undefined) throw invalid(problem);
}

function variantsOf(arm: ExperimentArm, definition: Experiment, variants: readonly Variant[]): Variant[] {
  const model = arm.model ?? definition.model;
  return variants.filter((variant) => variant.model === model && (arm.precision ?? variant.precision) === variant.precision && (arm.version ?? variant.version) === variant.version);
}

/** @throws {TandemError} `experiment_invalid` */
function releaseOf(arm: ExperimentArm, definition: Experiment, { variants }: ExperimentContext): Variant | undefined {
  const own = variants.find(({ model }) => model === definition.model);
  const found = variantsOf(arm, definition, variants);
  const wanted = `${arm.model ?? definition.model}${arm.precision === undefined ? '' : `.${arm.precision}`}${arm.version === undefined ? '' : ` version ${arm.version}`}`;
  if (found.length === 0) throw invalid(`arm ${arm.name} wants ${wanted}; the registry has ${[...new Set(variants.map(({ model, precision }) => `${model}.${precision}`))].join(', ')}`);
  if (found.some(({ adapter }) => adapter !== own?.adapter)) throw invalid(`arm ${arm.name} wants ${wanted}, whose adapter is not that of ${definition.model}: it could not read the same requests`);
  if (arm.version === undefined) return undefined;
  if (arm.precision === undefined) throw invalid(`arm ${arm.name} names a version, so it has to name a precision too: a version is of one variant`);
  return found[0];
}

function checkOthers({ name, workload, model }: Experiment, others: readonly ExperimentControl[]): void {
  const clash = others.find(({ definition, state }) => definition.name !== name && state !== 'stopped' && definition.workload === workload && definition.model === model);
  if (clash === undefined) return;
  throw new TandemError(`experiment ${clash.definition.name} is about ${model} of ${workload} already: stop it first (tandem experiment stop ${clash.definition.name})`, { code: 'experiment_conflict' });
}

/**
 * An experiment's file, held against what there is.
 * @throws {TandemError} `experiment_invalid`, `experiment_conflict`
 */
export function checkExperiment(text: string, context: ExperimentContext): CheckedExperiment {
  const definition = parsed(text);
  checkArms(definition);
  const workload = context.workloads.find(({ name }) => name === definition.workload);
  if (workload === undefined) throw invalid(`there is no workload ${definition.workload}; there are ${context.workloads.map(({ name }) => name).join(', ')}`);
  const models = new Set(Object.values(workload.plans).flatMap(({ steps }) => steps.map(({ model }) => model)));
  if (!models.has(definition.model)) throw invalid(`no plan of ${workload.name} has a step of ${definition.model}; they have ${[...models].join(', ')}`);
  const running = context.others.find(({ definition: { name }, state }) => name === definition.name && state === 'running');
  if (running !== undefined) throw new TandemError(`experiment ${definition.name} is running: change its weights, or stop it first`, { code: 'experiment_conflict' });
  checkOthers(definition, context.others);
  const releases = definition.arms.flatMap((arm) => {
    const release = releaseOf(arm, definition, context);
    return release === undefined ? [] : [[arm.name, release] as const];
  });
  return { definition: { ...definition, control: controlArm(definition).name }, releases: Object.fromEntries(releases) };
}

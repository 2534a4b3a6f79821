import { InvalidArgumentError, type Command } from 'commander';
import type { Variant } from '@tandem/schemas';
import { loadWorkloads, type Settings } from '@tandem/shared/config';
import { builtInAdapters, type Adapter } from '@tandem/shared/core';
import { TandemError, messageOf } from '@tandem/shared/errors';
import { createOnnxEngine, parseProvider, type InferenceEngine } from '@tandem/shared/engine';
import { FULL_GRID, profileVariant, saveProfile, type StoredVariantProfile } from '@tandem/shared/profile';
import { loadRegistry, stableVariants, variantName } from '@tandem/shared/registry';
import { createLogger } from '@tandem/shared/telemetry';
import { heldPool } from '@tandem/worker';
import { loadAdapters } from '../compose/adapters.ts';
import { openProbe } from '../compose/ports.ts';
import { hardwareOf } from '../compose/profiles.ts';
import { ProgressLine } from '../progress-line.ts';
import { addSettingFlags, settingsOf } from '../setting-flags.ts';
import { textTable } from '../table.ts';

const EXAMPLES = `
Loads each variant and times batches of 1 to 64, of short, middle and long sequences, on each of its graphs. The result is kept beside the
registry (profiles/), else under ~/.cache/tandem/profiles, by the hardware's fingerprint. Schedulers and workers use it, and refine it by what
they run. Run it on a machine that does nothing else.

Examples:
  tandem profile                                   every stable variant, about 100 seconds
  tandem profile --variants recommend-large.int8 --seconds 20
  tandem profile --json > profile.json`;

/** Of the memory of a session; enough for a batch of the largest size. */
const PREFIX_BYTES = 33_554_432;
const SECONDS = 90;

interface ProfileFlags extends Record<string, unknown> {
  seconds: number;
  json: boolean;
}

function positive(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('a number above 0 is expected.');
  return value;
}

function wanted({ variants: names }: Settings, variants: readonly Variant[]): readonly Variant[] {
  if (names === undefined) return variants;
  return names.map((name) => {
    const variant = variants.find((known) => variantName(known) === name);
    if (variant === undefined) throw new TandemError(`variants names ${name}; the registry has ${variants.map(variantName).join(', ')}`, { code: 'settings_invalid' });
    return variant;
  });
}

/** Graphs differ in number and weight: time goes by the size of the files. */
function shares(variants: readonly Variant[]): number[] {
  const sizes = variants.map(({ graphs }) => Math.sqrt(Object.values(graphs).reduce((sum, { bytes }) => sum + bytes, 0)) * Object.keys(graphs).length);
  const all = sizes.reduce((sum, size) => sum + size, 0);
  return sizes.map((size) => size / all);
}

async function profileAll(engine: InferenceEngine, variants: readonly Variant[], adapters: ReadonlyMap<string, Adapter>, { seconds }: ProfileFlags): Promise<StoredVariantProfile[]> {
  const line = new ProgressLine();
  const profiles: StoredVariantProfile[] = [];
  const share = shares(variants);
  for (const [index, variant] of variants.entries()) {
    const name = variantName(variant);
    const adapter = adapters.get(variant.adapter);
    if (adapter?.decoding !== undefined) {
      process.stderr.write(`${name} is a decoder, whose requests take many batches: what they take is learnt by running them\n`);
      continue;
    }
    const held = adapter === undefined ? {} : heldPool(adapter, variant, PREFIX_BYTES);
    const progress = (at: { graph: string; batch: number; length: number; done: number; all: number }) =>
      line.show(() => `${index + 1}/${variants.length} ${name}: ${at.graph}, batch ${at.batch}, length ${at.length} (${at.done}/${at.all})`);
    try {
      profiles.push(await profileVariant(engine, variant, held, { grid: FULL_GRID, budgetMs: 1_000 * seconds * share[index]!, progress }));
    } catch (error) {
      line.end();
      process.stderr.write(`${name} cannot be profiled: ${messageOf(error)}\n`);
      process.exitCode = 1;
    }
  }
  line.end();
  return profiles;
}

/** Every graph at its middle length. */
function rowsOf({ model, precision, loadMs, memoryBytes, points }: StoredVariantProfile): (string | number)[][] {
  return [...new Set(points.map(({ graph }) => graph))].map((graph) => {
    const ofGraph = points.filter((point) => point.graph === graph);
    const lengths = [...new Set(ofGraph.map(({ length }) => length))];
    const length = lengths[Math.floor((lengths.length - 1) / 2)]!;
    const at = (batch: number) => ofGraph.find((point) => point.batch === batch && point.length === length);
    const ms = (value: number | undefined) => value === undefined ? '' : value.toFixed(value < 1 ? 3 : 2);
    const [one, eight, most] = [at(1), at(8), at(32)];
    const perRequest = most === undefined ? '' : ((1_000 * most.p50Ms) / 32).toFixed(0);
    return [`${model}.${precision}`, graph, length, ms(one?.p50Ms), ms(one?.p99Ms), ms(eight?.p50Ms), ms(most?.p50Ms), ms(most?.p99Ms), perRequest, Math.round(loadMs), (memoryBytes / 1e6).toFixed(1)];
  });
}

const HEAD = ['variant', 'graph', 'length', 'p50 ms (1)', 'p99 (1)', 'p50 (8)', 'p50 (32)', 'p99 (32)', 'µs/request (32)', 'load ms', 'MB'];

async function profile(flags: ProfileFlags): Promise<void> {
  const settings = settingsOf(flags);
  const { models, intraOpThreads, intraOpSpinning, graphOptimization, providers, workloads } = settings;
  const logger = createLogger({ level: settings.logLevel, fields: { service: 'profile' } });
  const variants = wanted(settings, stableVariants(await loadRegistry(models)));
  const adapters = new Map([...builtInAdapters, ...await loadAdapters(await loadWorkloads(workloads, { variants: stableVariants(await loadRegistry(models)) }), workloads)]);
  const hardware = await hardwareOf(settings, { probe: openProbe(settings, logger) });
  const options = { modelsDirectory: models, threads: 1, intraOpThreads, spinning: intraOpSpinning, graphOptimization, providers: providers.map(parseProvider), logger };
  await using engine = createOnnxEngine(options);
  const profiles = await profileAll(engine, variants, adapters, flags);
  if (profiles.length === 0) throw new TandemError('no variant could be profiled; the lines above say why', { code: 'profile_failed' });
  const file = await saveProfile(models, hardware, profiles);
  if (flags.json) return void process.stdout.write(`${JSON.stringify({ hardware, variants: profiles })}\n`);
  process.stdout.write(`${hardware.cpu}, ${hardware.cores} cores, ${hardware.memoryGiB} GiB, ${hardware.providers.join(', ')}\n\n`);
  process.stdout.write(`${textTable(HEAD, profiles.flatMap(rowsOf))}\n\nkept as ${file}\n`);
}

export function addProfileCommand(program: Command): void {
  const command = program.command('profile')
    .description('measure what batches of every variant take on this machine')
    .option('--seconds <n>', 'to spend on all variants, about', positive, SECONDS)
    .option('--json', 'all that was measured as one JSON object on standard output', false)
    .action(profile)
    .addHelpText('after', EXAMPLES);
  addSettingFlags(command, ['models', 'workloads', 'variants', 'providers', 'intraOpThreads', 'intraOpSpinning', 'graphOptimization', 'logLevel']);
}

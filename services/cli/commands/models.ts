import { join } from 'node:path';
import type { Command } from 'commander';
import type { GraphSpec, Variant } from '@tandem/schemas';
import { systemClock } from '@tandem/shared/clock';
import { TandemError, messageOf } from '@tandem/shared/errors';
import { loadRegistry, variantName, verifyVariant } from '@tandem/shared/registry';
import { modelsCheck, Patient, reportText, runChecks } from '../doctor/index.ts';
import { colorsFor } from '../demo/colors.ts';
import { addSettingFlags, settingsOf } from '../setting-flags.ts';
import { addReleaseCommands } from './models-release.ts';
import { textTable } from '../table.ts';

const EXAMPLES = `
Examples:
  tandem models list
  tandem models list --models /srv/models --json
  tandem models show recommend-large.int8
  tandem models verify --models own/models
  tandem models promote recommend-large.int8 --release 2026-12-01 --kafka kafka:9092
  tandem models rollback recommend-large.int8 --kafka kafka:9092`;
const FAILED = 1;

async function list(options: Record<string, unknown>): Promise<void> {
  const { variants, directory, refused } = await loadRegistry(settingsOf(options).models);
  const lines = await Promise.all(variants.map(async (variant) => ({
    variant: variantName(variant),
    version: variant.version,
    status: variant.status,
    [variant.accuracy.metric]: variant.accuracy.value,
    files: await verifyVariant(variant, directory).then(() => 'verified', messageOf),
  })));
  for (const { message } of refused) console.error(message);
  if (refused.length > 0 || lines.some(({ files }) => files !== 'verified')) process.exitCode = FAILED;
  if (options['json'] === true) return console.log(JSON.stringify(lines));
  const rows = variants.map(({ accuracy }, index) => {
    const { variant, version, status, files } = lines[index]!;
    return [variant, version, status, `${accuracy.metric} ${accuracy.value}`, files];
  });
  console.log(textTable(['variant', 'version', 'status', 'accuracy', 'files'], rows));
}

function tensorsText(tensors: GraphSpec['inputs']): string {
  return Object.entries(tensors).map(([name, { type, shape }]) => `${name} ${type} [${shape.join(', ')}]`).join(', ');
}

function showVariant({ graphs, accuracy, labels, adapter, version, status, lineage, ...variant }: Variant, directory: string): void {
  console.log(`${variantName(variant)}  version ${version}, ${status}, adapter ${adapter}`);
  const others = Object.entries(accuracy.others).map(([name, value]) => `, ${name} ${value}`).join('');
  console.log(`accuracy: ${accuracy.metric} ${accuracy.value}${others} (${accuracy.data}, ${accuracy.date})`);
  if (labels !== undefined) console.log(`labels: ${labels.join(', ')}`);
  for (const [name, { file, bytes, sha256, inputs, outputs }] of Object.entries(graphs)) {
    console.log(`graph ${name}: ${join(directory, file)}, ${bytes} bytes, sha256 ${sha256}`);
    console.log(`  ${tensorsText(inputs)} → ${tensorsText(outputs)}`);
  }
  if (Object.keys(lineage).length > 0) console.log(`lineage: ${JSON.stringify(lineage)}`);
}

async function show(name: string, options: Record<string, unknown>): Promise<void> {
  const { variants, directory } = await loadRegistry(settingsOf(options).models);
  const found = variants.filter((variant) => variantName(variant) === name || variant.model === name);
  if (found.length === 0) throw new TandemError(`the registry in ${directory} has no ${name}; it has ${variants.map(variantName).join(', ')}`, { code: 'not_found' });
  if (options['json'] === true) return console.log(JSON.stringify(found));
  for (const variant of found) showVariant(variant, directory);
}

/** What the doctor does with models, and nothing else. */
async function verify(options: Record<string, unknown>): Promise<void> {
  const settings = settingsOf(options);
  await using patient = new Patient({ settings, connections: { kafka: {}, redis: {}, secrets: [] }, flags: '', principalPrefix: '', machineClock: systemClock });
  const findings = await runChecks([modelsCheck], patient);
  const isWell = !findings.some(({ status }) => status === 'failed');
  process.exitCode = isWell ? 0 : FAILED;
  if (options['json'] === true) return console.log(JSON.stringify({ ok: isWell, findings }));
  console.log(reportText(findings, colorsFor(process.stdout, process.env)));
}

export function addModelsCommand(program: Command): void {
  const models = program.command('models').description('the model registry').addHelpText('after', EXAMPLES);
  const commands = [
    models.command('list').description('every variant, its accuracy, and whether its files have the hashes they should; exit code 1 where one has not').action(list),
    models.command('show <name>').description('a model, or model.precision: its files, tensors, accuracy and lineage').action(show),
    models.command('verify').description('load every variant, and compare what it answers to golden inputs with what it answered when it was released').action(verify),
  ];
  addReleaseCommands(models);
  for (const command of commands) addSettingFlags(command.option('--json', 'machine-readable'), ['models', 'providers', 'graphOptimization', 'logLevel']);
}

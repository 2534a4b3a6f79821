import { basename } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { idSchema, precisionSchema } from '@tandem/schemas';
import { builtInAdapters } from '@tandem/shared/core';
import { TandemError } from '@tandem/shared/errors';
import { makeFolder, type MadeFolder } from '../init/index.ts';
import { milliseconds } from '../option-parsers.ts';
import { shellQuoted } from '../shell-flags.ts';

const EXAMPLES = `
Reads the model's own inputs and outputs, and makes a new folder: models/ with the file, its registry entry and golden answers, workloads/
with a workload and an adapter (a small module that is yours to change), and an example request. Nothing is overwritten.

Each input needs an open first dimension (the batch). Others that are open need a size: --dimension length=16. An output [batch, classes]
becomes a label with its confidence; any other becomes a list of numbers. Weights in files beside the model are copied with it. Accuracy is
written down as not measured.

With --large the workload is a cascade: the small model answers, and the large one where the small one's confidence is below
skipWhenConfident (0.9, to be set in the workload). Both take the same inputs and have the same classes.

Examples:
  tandem init own --model fraud.onnx --labels good,bad
  tandem init own --model small.onnx --large large.onnx --name fraud --labels good,bad
  tandem init own --model encoder.onnx --name encoder --dimension length=32 --output pooled`;

interface Flags {
  model: string;
  large?: string;
  name?: string;
  precision?: string;
  labels?: string[];
  output?: string;
  dimension: Record<string, number>;
  deadlineMs: number;
  json?: true;
}

const DEADLINE_MS = 1_000;
const KNOWN_PRECISION = /\.(fp32|fp16|bf16|int8|int4)\.onnx$/i;

function name(text: string): string {
  if (builtInAdapters.has(text)) throw new InvalidArgumentError(`${text} is an adapter that comes with Tandem; take another name.`);
  if (!idSchema.safeParse(text).success) throw new InvalidArgumentError('small letters, digits and hyphens, at most 64.');
  return text;
}

function precision(text: string): string {
  if (!precisionSchema.safeParse(text).success) throw new InvalidArgumentError('as fp32, fp16, int8.');
  return text;
}

function list(text: string): string[] {
  return text.split(',').map((each) => each.trim());
}

function dimension(text: string, known: Record<string, number>): Record<string, number> {
  const [, key, size] = /^(.+)=([1-9]\d{0,6})$/.exec(text) ?? [];
  if (key === undefined) throw new InvalidArgumentError('as name=size, for example length=16.');
  return { ...known, [key]: Number(size) };
}

/** From the name of the file. */
function nameFrom(model: string): string {
  const text = basename(model).replace(KNOWN_PRECISION, '').replace(/\.onnx$/i, '').toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 64);
  if (text !== '') return builtInAdapters.has(text) ? `own-${text}` : text;
  throw new TandemError(`no name can be made of ${model}: --name my-model`, { code: 'usage' });
}

function tensorsText({ inputs, output }: MadeFolder['plan']): string {
  const shapes = Object.entries(inputs).map(([each, { type, shape }]) => `${each} ${type} [${shape.join(', ')}]`);
  return `${shapes.join(', ')} → ${output.name} ${output.spec.type} [${output.spec.shape.join(', ')}]`;
}

function nextCommands({ folder, models, workloads, requests }: MadeFolder): string[] {
  const flags = `--models ${shellQuoted(models)} --workloads ${shellQuoted(workloads)}`;
  return [
    `npx tandem doctor ${flags}`,
    `npx tandem backfill ${flags} --input ${shellQuoted(requests)} --output ${shellQuoted(`${folder}/responses.jsonl`)}`,
    `npx tandem cluster ${flags} --kafka 127.0.0.1:9092`,
  ];
}

async function init(folder: string, flags: Flags): Promise<void> {
  const { model, large, labels, output, dimension: dimensions, deadlineMs } = flags;
  const named = KNOWN_PRECISION.exec(model)?.[1]?.toLowerCase();
  const made = await makeFolder({
    folder, model, large, labels, output, dimensions, deadlineMs,
    name: flags.name ?? nameFrom(model), precision: flags.precision ?? named ?? 'fp32', today: new Date().toISOString().slice(0, 10),
  });
  const commands = nextCommands(made);
  if (flags.json === true) return console.log(JSON.stringify({ ...made, next: commands }));
  console.log(`made ${made.folder}: ${tensorsText(made.plan)}`);
  console.log(`  ${made.models}/registry.json   ${made.workloads}/*.json   ${made.adapter}   ${made.requests}`);
  const [check = '', answer = '', serve = ''] = commands;
  console.log(`\nNext:\n  ${check}    # is all of it right?\n  ${answer}    # answers the example in one process\n  ${serve}    # serves it, every stage a process`);
}

export function addInitCommand(program: Command): void {
  program.command('init <folder>').description('make a workload, an adapter and a registry entry for an ONNX model of one’s own')
    .requiredOption('--model <file>', 'the ONNX file; it is copied')
    .option('--large <file>', 'a larger model for the same inputs, asked where --model is not confident')
    .option('--name <id>', 'of model, workload and adapter (default: from the file’s name)', name)
    .option('--precision <name>', 'of the model’s weights (default: from the file’s name, else fp32)', precision)
    .option('--labels <list>', 'of the classes, with commas, in the order of the output', list)
    .option('--output <name>', 'that becomes the answer (default: the first one of floats)')
    .option('--dimension <name=size>', 'size of an open dimension beside the batch; may be repeated', dimension, {})
    .option('--deadline-ms <n>', 'of requests that name none', milliseconds, DEADLINE_MS)
    .option('--json', 'machine-readable')
    .action(init)
    .addHelpText('after', EXAMPLES);
}

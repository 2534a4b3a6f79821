import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Command, Option } from 'commander';
import { environmentName, settingNames, settingsSchema } from '@tandem/shared/config';
import { describe, expect, test } from 'vitest';
import packageJson from '../../../package.json' with { type: 'json' };
import { createProgram } from '../program.ts';
import { commandTree, flattened, settingOf } from './command-tree.ts';
import { documentedCommands, type DocumentedCommand } from './documented-commands.ts';

const REPOSITORY = join(import.meta.dirname, '../../..');
const read = (path: string) => readFileSync(join(REPOSITORY, path), 'utf8');
const inFolder = (folder: string) => readdirSync(join(REPOSITORY, folder)).filter((file) => file.endsWith('.md')).map((file) => `${folder}/${file}`);
const files = ['README.md', 'CONTRIBUTING.md', ...inFolder('docs'), ...inFolder('docs/operations'), ...inFolder('docs/decisions')];
const documents = files.map((file) => ({ file, text: read(file) }));
const commands = documents.flatMap(({ file, text }) => documentedCommands(file, text));
const scripts: Readonly<Record<string, string>> = packageJson.scripts;
const program: Command = createProgram();
const nodes = flattened(commandTree(program));
const sources = ['bench', 'test', 'tools', 'services/simulator', 'deploy', 'schemas/generate', 'docker-compose.yml', 'package.json', '.ci'].map(sourceText).join('\n');
const ownFlags = new Set(['--help', '--version', '--config', ...nodes.flatMap(({ command }) => command.options.map(({ long }) => long ?? ''))]);
/** Of programs that are not ours. */
const FOREIGN: ReadonlySet<string> = new Set(['--onnxruntime-node-install']);

/** Stands for what a reader has of his own. */
const isPlaceholder = (word: string) => /^[^a-z]*[A-Z][A-Z0-9_/:.-]*$|[…<>$*]|\.\.\./.test(word);

function optionOf(command: Command, flag: string): Option | undefined {
  return command.options.find(({ long, short }) => long === flag || short === flag);
}

/** Undefined: the option takes it. */
function valueProblem(option: Option, value: string): string | undefined {
  if (isPlaceholder(value)) return undefined;
  const setting = settingOf(option);
  const result = setting === undefined ? undefined : settingsSchema.shape[setting].safeParse(value);
  if (result?.success === false) return `${option.long} ${value}: ${result.error.issues[0]?.message}`;
  try {
    option.parseArg?.(value, undefined as never);
    return undefined;
  } catch (error) {
    return `${option.long} ${value}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** As an option that a script parses, or as a word of it. */
function isOfScript(flag: string): boolean {
  return new RegExp(`${flag}\\b|['"\`]?${flag.slice(2)}['"\`]?: \\{ type: |'${flag.slice(2)}'`).test(sources);
}

/** The deepest command that the words name, and the words behind it. */
function commandOf(words: readonly string[]): { command: Command; rest: string[] } {
  let command = program;
  let at = 0;
  for (let next = command; at < words.length; command = next, at += 1) {
    const child = command.commands.find((each) => each.name() === words[at]);
    if (child === undefined) break;
    next = child;
  }
  return { command, rest: words.slice(at) };
}

function problemsOf({ words, isWhole }: Pick<DocumentedCommand, 'words' | 'isWhole'>): string[] {
  // A usage, made from the command itself.
  if (words.includes('[options]')) return [];
  const { command, rest } = commandOf(words);
  const problems: string[] = [];
  const given: string[] = [];
  for (let index = 0; index < rest.length; index += 1) {
    const word = rest[index]!;
    const [flag = '', joined] = word.split('=', 2);
    if (!word.startsWith('-') || word === '-') given.push(word);
    else if (flag === '--help' || flag === '-h' || flag === '--config' || command.name() === 'bench') index += flag === '--config' ? 1 : 0;
    else {
      const option = optionOf(command, flag);
      const takesValue = option?.required === true;
      const value = joined ?? (takesValue ? rest[(index += 1)] : undefined);
      if (option === undefined) problems.push(`${command.name()} has no ${flag}`);
      else if (takesValue && value === undefined) problems.push(...(isWhole ? [`${flag} needs a value`] : []));
      else if (value !== undefined) problems.push(...[valueProblem(option, value)].filter((problem) => problem !== undefined));
    }
  }
  if (command.commands.length > 0 && given.length > 0 && !isPlaceholder(given[0]!)) problems.push(`${command.name()} has no command ${given[0]}`);
  if (!isWhole || command.commands.length > 0 || rest.includes('--help') || rest.includes('…')) return problems;
  const { registeredArguments: takes } = command;
  const least = takes.filter(({ required }) => required).length;
  const most = takes.at(-1)?.variadic === true ? Infinity : takes.length;
  if (given.length < least || given.length > most) problems.push(`${command.name()} takes ${takes.map((each) => each.name()).join(' ') || 'no arguments'}, not: ${given.join(' ')}`);
  return problems;
}

const named = ({ file, line, program, words }: DocumentedCommand) => `${file}:${line} ${program} ${words.join(' ')}`;
const wrong = (of: readonly DocumentedCommand[], problems: (command: DocumentedCommand) => readonly string[]) =>
  of.flatMap((command) => problems(command).map((problem) => `${named(command)}\n    ${problem}`));

describe('what is read out of a document', () => {
  test('are commands of blocks and sentences, without comments, redirections and what surrounds them', () => {
    const text = 'Say `tandem tail`.\n\n```sh\nTANDEM_KAFKA=k npx tandem explain \'a b\' --json | jq .x   # as so\nnpm start -- --rate \\\n  max > out.txt && source <(tandem completion bash)\n```\n\n```json\n{ "a": "tandem nothing" }\n```';
    expect(documentedCommands('x.md', text).map(({ program, words, isWhole }) => [program, words, isWhole])).toEqual([
      ['tandem', ['tail'], false],
      ['tandem', ['explain', 'a b', '--json'], true],
      ['npm', ['start', '--', '--rate', 'max'], true],
      ['tandem', ['completion', 'bash'], true],
    ]);
  });

  test.each([
    [['topics', 'lists'], /topics has no command lists/], [['tail', '--nothing'], /tail has no --nothing/], [['tail', '--for', 'soon'], /as 90s, 30m/],
    [['stage'], /stage takes name/], [['demo', '--policy', 'best'], /--policy best/], [['topics', 'list', 'x'], /takes no arguments/], [['tail', '--user'], /needs a value/],
  ])('is found wrong where it is: %j', (words, problem) => {
    expect(problemsOf({ words, isWhole: true }).join()).toMatch(problem);
  });
});

test('every tandem command of the documents exists, with its flags, values and arguments', () => {
  const ours = commands.filter(({ program }) => program === 'tandem');
  expect(ours.length).toBeGreaterThan(200);
  expect(wrong(ours, problemsOf)).toEqual([]);
});

test('every npm script of the documents exists, and npm start takes what the demo takes', () => {
  const npm = commands.filter(({ program }) => program === 'npm');
  expect(npm.length).toBeGreaterThan(30);
  expect(wrong(npm, ({ words: [command = '', script = '', ...rest], isWhole }) => {
    if (command === 'start') return problemsOf({ words: ['demo', ...(script === '--' ? rest : [])], isWhole });
    if (command !== 'run') return [];
    if (scripts[script] === undefined) return (isWhole || script !== '') && !isPlaceholder(script) ? [`there is no script ${script}`] : [];
    return rest.flatMap((word) => (word.startsWith('--') && word !== '--' && !isOfScript(word.split('=')[0] ?? '') ? [`nothing here knows ${word}`] : []));
  })).toEqual([]);
});

test('every script that node is to run is there', () => {
  const node = commands.filter(({ program, words }) => program === 'node' && /\.[cm]?[jt]s$/.test(words[0] ?? ''));
  expect(wrong(node, ({ words: [path = ''] }) => (existsSync(join(REPOSITORY, path)) || isPlaceholder(path) ? [] : [`there is no ${path}`]))).toEqual([]);
});

test('every variable TANDEM_… of the documents is one that is read', () => {
  const settings = new Set<string>(settingNames.map(environmentName));
  const known = new Set([...settings, ...[...sources.matchAll(/\bTANDEM_[A-Z_]+\b/g)].map(([name]) => name)]);
  expect(settings.size).toBeGreaterThan(50);
  const unknown = documents.flatMap(({ file, text }) => [...text.matchAll(/\bTANDEM_[A-Z_]+\b/g)].flatMap(([name]) => (known.has(name) ? [] : [`${file}: ${name}`])));
  expect([...new Set(unknown)]).toEqual([]);
});

test('every flag that a sentence names is one of a command, of a script here, or of another’s program', () => {
  const unknown = documents.filter(({ file }) => file !== 'docs/cli.md').flatMap(({ file, text }) =>
    [...text.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/`(--[a-z][a-z-]+)\b[^`]*`/g)].flatMap(([, flag = '']) => (ownFlags.has(flag) || FOREIGN.has(flag) || isOfScript(flag) ? [] : [`${file}: ${flag}`])));
  expect([...new Set(unknown)]).toEqual([]);
});

/** All of a folder's sources, or a file. */
function sourceText(path: string): string {
  const whole = join(REPOSITORY, path);
  if (!statSync(whole).isDirectory()) return readFileSync(whole, 'utf8');
  return readdirSync(whole, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /^[^.]+$|\.(?:ts|py|mjs|js|sh|ya?ml)$/.test(entry.name) && !/node_modules|documented-commands/.test(join(entry.parentPath, entry.name)))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8')).join('\n');
}

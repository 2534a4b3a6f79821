import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { settingsSchema } from '@tandem/shared/config';
import { createProgram } from '../program.ts';
import { commandTree, flattened, settingOf } from './command-tree.ts';
import { completionScript, type Shell } from './completion.ts';
import { commandLineReference } from './markdown.ts';

const CLI_MD = fileURLToPath(new URL('../../../docs/cli.md', import.meta.url));
const has = (shell: Shell) => spawnSync(shell, ['--version']).error === undefined;

function scriptFile(shell: Shell): string {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-completion-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, `tandem.${shell}`);
  writeFileSync(file, completionScript(createProgram(), shell));
  return file;
}

it('docs/cli.md says what the commands say of themselves (npm run generate:cli writes it)', () => {
  expect(readFileSync(CLI_MD, 'utf8')).toBe(commandLineReference(createProgram()));
});

it('a flag says what it takes as it is typed: a number where that is wanted, on or off, the words of a list', () => {
  const settings = createProgram().commands.find((command) => command.name() === 'cluster')!.options.filter((option) => settingOf(option) !== undefined);
  const takes = (option: (typeof settings)[number], value: string) => settingsSchema.shape[settingOf(option)!].safeParse(value).success;
  const isNumber = (option: (typeof settings)[number]) => !takes(option, 'x') && ['0.5', '1', '5000', '1000000'].some((value) => takes(option, value));
  expect(settings.filter((option) => option.flags.endsWith('<n>') && !isNumber(option)).map(({ flags }) => flags)).toEqual([]);
  expect(settings.filter(({ description }) => /\(default: (?:true|false|)\)/.test(description)).map(({ flags }) => flags)).toEqual([]);
});

it('every command has examples in its help', () => {
  const sections = commandLineReference(createProgram()).split(/^## /m);
  const commands = commandTree(createProgram()).children;
  const without = commands.filter(({ path }) => !sections.some((section) => section.startsWith(`${path}\n`) && /Examples:\n {2}\S/.test(section)));
  expect(without.map(({ path }) => path)).toEqual([]);
});

it('every command that prints for programs says so: --json, or JSON by itself', () => {
  const servers = new Set(['tandem', 'tandem stage', 'tandem cluster', 'tandem gateway', 'tandem bench', 'tandem completion']);
  const leaves = flattened(commandTree(createProgram())).filter(({ children, path }) => children.length === 0 && !servers.has(path));
  expect(leaves.filter(({ command }) => !command.options.some(({ long }) => long === '--json')).map(({ path }) => path)).toEqual([]);
});

describe('completion', () => {
  const complete = (file: string, ...words: string[]): string[] => {
    const quoted = words.map((word) => `'${word}'`).join(' ');
    const script = `source ${file}; COMP_WORDS=(tandem ${quoted}); COMP_CWORD=${words.length}; _tandem; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).split('\n').filter((line) => line !== '');
  };

  it('in bash knows commands, their commands, flags, values and arguments', () => {
    const file = scriptFile('bash');
    expect(complete(file, 'do')).toEqual(['doctor']);
    expect(complete(file, 'topics', '')).toEqual(expect.arrayContaining(['list', 'ensure', 'grow', 'acls']));
    expect(complete(file, 'topics', 'list', '--kaf')).toContain('--kafka');
    expect(complete(file, 'stage', 'worker', '--log-level', 'w')).toEqual(['warn']);
    expect(complete(file, 'stage', 'sch')).toEqual(['scheduler']);
    expect(complete(file, 'completion', '')).toEqual(expect.arrayContaining(['bash', 'zsh', 'fish']));
    expect(complete(file, 'demo', '--models', '')).toEqual([]);
  });

  it.runIf(has('zsh'))('in zsh is a script that zsh reads, and that answers what fits the command so far', () => {
    // As bashcompinit calls it; zsh itself drops what does not begin as the word does.
    const script = `source ${scriptFile('zsh')}; emulate ksh; COMP_WORDS=(tandem topics e); COMP_CWORD=2; _tandem; print -l -- "\${COMPREPLY[@]}"`;
    const words = execFileSync('zsh', ['-f', '-c', script], { encoding: 'utf8' }).split('\n');
    expect(words).toContain('ensure');
    expect(words).not.toContain('doctor');
  });

  it.runIf(has('fish'))('in fish answers with descriptions', () => {
    const complete = (line: string) => execFileSync('fish', ['--no-config', '-c', `source ${scriptFile('fish')}; complete -C '${line}'`], { encoding: 'utf8' });
    expect(complete('tandem do')).toMatch(/^doctor\tlook for what is wrong/m);
    expect(complete('tandem topics ')).toMatch(/^ensure\t/m);
    expect(complete('tandem stage worker --log-level w')).toMatch(/warn/);
  });
});

import type { EventEmitter } from 'node:events';
import type { Command, Option } from 'commander';
import { flagName, settingNames, type SettingName } from '@tandem/shared/config';
import { commandTree, flattened, settingOf, type CommandNode } from './command-tree.ts';

const HEAD = `# Command line

<!-- Made from the commands' own help by "npm run generate:cli"; a test compares. Edit the help, not this file. -->

\`npx tandem COMMAND\`, or \`node_modules/.bin/tandem\` for scripts and supervisors.

**Exit codes**: 0 done; 1 failed, or a check found something; 2 wrong usage or settings; 130 ended by Ctrl-C, where there is something to drain by the second one; 1 also where Ctrl-C ended a \`demo\` or a \`backfill\` early. A process of the flow that a signal ends while it drains
exits with 0.

**Output**: results go to standard output, logs to standard error, and progress only where that is a terminal. \`--json\` is for programs: one object or array (JSON lines
where there is no end). Colours are for terminals, and not against \`NO_COLOR\`.

**Signals**: SIGTERM and SIGINT drain: intake stops, what is in flight is finished, offsets are committed; a second one ends the process at once. Under \`npx\` and \`npm run\` the shell
between npm and Tandem dies of a signal that was sent to npm without passing it on; Tandem takes the end of that shell for a SIGTERM and drains, but npm does not wait for
it and does not know its exit code. Supervisors call \`node_modules/.bin/tandem\`.

**Completion**: \`source <(tandem completion bash)\`, \`tandem completion zsh > "\${fpath[1]}/_tandem"\`, \`tandem completion fish > ~/.config/fish/completions/tandem.fish\`.

**Settings** ([all of them](#settings)) can also come from the environment or from a file that \`--config\` names (YAML or JSON, by their names). A flag wins over the
environment, the environment over the file.
`;

/** docs/cli.md: every command with its own options, and all settings once. */
export function commandLineReference(program: Command): string {
  const nodes = flattened(commandTree(program)).slice(1);
  return [HEAD, ...nodes.map(commandText), settingsText(nodes)].join('\n');
}

function commandText(node: CommandNode): string {
  const { path, command, ownOptions, settings, children } = node;
  const level = '#'.repeat(path.split(' ').length);
  const parts = [`${level} ${path}`, `${sentence(command.description())}`, `\`\`\`sh\n${usageOf(node)}\n\`\`\``];
  if (children.length > 0) parts.push(children.map((child) => `- \`${child.path}\`: ${child.command.description()}`).join('\n'));
  if (ownOptions.length > 0) parts.push(optionsTable(ownOptions.filter(({ long }) => long !== '--config')));
  if (settings.length > 0) parts.push(`Settings: ${listed(settings)}.`);
  const after = textAfter(command);
  if (after !== '') parts.push(`\`\`\`text\n${after}\n\`\`\``);
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/** How a server is reached safely is the same everywhere. */
function listed(settings: readonly SettingName[]): string {
  const isSecurity = (name: SettingName) => /^(kafka|redis)./.test(name);
  const shown = settings.filter((name) => !isSecurity(name)).map((name) => `\`--${flagName(name)}\``);
  return `${shown.join(', ')}${settings.some(isSecurity) ? ', and the security of its connections' : ''}`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function usageOf({ path, command }: CommandNode): string {
  return `${path} ${command.usage()}`.trimEnd();
}

function optionsTable(options: readonly Option[]): string {
  if (options.length === 0) return '';
  const rows = options.map((option) => `| \`${cell(option.flags)}\` | ${cell(option.description)}${defaultOf(option)} |`);
  return ['| option | |', '|---|---|', ...rows].join('\n');
}

function defaultOf({ defaultValue, negate }: Option): string {
  const isShown = defaultValue !== undefined && defaultValue !== false && !negate && (typeof defaultValue !== 'object' || defaultValue === null);
  return isShown ? ` (default: ${String(defaultValue)})` : '';
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

/** The notes and examples under a command's help. */
function textAfter(command: Command): string {
  let text = '';
  // commander keeps them as listeners, and its types do not say so.
  (command as unknown as EventEmitter).emit('afterHelp', { error: false, command, write: (part: string) => (text += part) });
  return text.trim();
}

function settingsText(nodes: readonly CommandNode[]): string {
  const options = new Map<SettingName, Option>();
  for (const option of nodes.flatMap(({ command }) => command.options)) {
    const name = settingOf(option);
    if (name !== undefined) options.set(name, option);
  }
  const rows = settingNames.flatMap((name) => {
    const option = options.get(name);
    return option === undefined ? [] : [`| \`${cell(option.flags)}\` | ${cell(option.description)} |`];
  });
  return ['## Settings', '', '| flag | what it is, its default, its environment variable |', '|---|---|', ...rows, ''].join('\n');
}

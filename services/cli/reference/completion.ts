import type { Command, Option } from 'commander';
import { STAGE_NAMES } from '@tandem/schemas';
import { commandTree, flattened, valuesOf, type CommandNode } from './command-tree.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** What arguments may be, where that is a closed list. */
const ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
  'tandem stage': [...STAGE_NAMES, 'edge', 'all'],
  'tandem completion': SHELLS,
};

/** A script that completes commands, flags and values; everything else is completed as files. */
export function completionScript(program: Command, shell: Shell): string {
  const nodes = flattened(commandTree(program));
  switch (shell) {
    case 'bash': return bash(nodes);
    case 'zsh': return `#compdef tandem\nautoload -U +X compinit && compinit -u\nautoload -U +X bashcompinit && bashcompinit\n${bash(nodes)}`;
    case 'fish': return fish(nodes);
  }
}

function flagsOf({ command }: CommandNode): Option[] {
  return command.options.filter(({ hidden }) => !hidden);
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

function wordsOf(node: CommandNode): string[] {
  return [...node.children.map(({ command }) => command.name()), ...(ARGUMENTS[node.path] ?? []), ...flagsOf(node).flatMap(({ long }) => long ?? []), '--help'];
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function bash(nodes: readonly CommandNode[]): string {
  const paths = nodes.filter(({ path }) => path.includes(' ')).map(({ path }) => quoted(path));
  const words = nodes.map((node) => `    ${quoted(node.path)}) words=${quoted(wordsOf(node).join(' '))} ;;`);
  const values = nodes.flatMap((node) => flagsOf(node).filter(takesValue).map((option) =>
    `    ${quoted(`${node.path} ${option.long ?? ''}`)}) words=${quoted(valuesOf(option).join(' '))} ;;`));
  return `# Completion of tandem. bash: source <(tandem completion bash)
_tandem() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" place='tandem' words='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$place \${COMP_WORDS[i]}" in
    ${paths.join('|')}) place="$place \${COMP_WORDS[i]}" ;;
    esac
  done
  # (zsh would take the name path for the commands' folders.) What follows a flag that takes a value is one of its values, or a file.
  case "$place $previous" in
${values.join('\n')}
    *) case "$place" in
${words.map((line) => `  ${line}`).join('\n')}
      esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _tandem tandem
`;
}

function fish(nodes: readonly CommandNode[]): string {
  const paths = nodes.filter(({ path }) => path.includes(' ')).map(({ path }) => quoted(path));
  return `# Completion of tandem. fish: tandem completion fish > ~/.config/fish/completions/tandem.fish
function __tandem_path
  set -l path tandem
  for word in (commandline -opc)[2..-1]
    contains -- "$path $word" ${paths.join(' ')}; and set path "$path $word"
  end
  echo $path
end
complete -c tandem -n 'test (__tandem_path) = tandem' -f
${nodes.flatMap(fishLines).join('\n')}
`;
}

function fishLines(node: CommandNode): string[] {
  const at = `-n ${quoted(`test (__tandem_path) = "${node.path}"`)}`;
  const commands = node.children.map(({ command }) => `complete -c tandem ${at} -f -a ${quoted(command.name())} -d ${quoted(shortened(command.description()))}`);
  const words = (ARGUMENTS[node.path] ?? []).map((word) => `complete -c tandem ${at} -f -a ${quoted(word)}`);
  const flags = flagsOf(node).map((option) => {
    const values = valuesOf(option);
    const value = !takesValue(option) ? '' : values.length === 0 ? ' -r' : ` -x -a ${quoted(values.join(' '))}`;
    return `complete -c tandem ${at} -l ${quoted((option.long ?? '').slice(2))}${value} -d ${quoted(shortened(option.description))}`;
  });
  return [...commands, ...words, ...flags];
}

const SHOWN = 70;

function shortened(text: string): string {
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN - 1)}…`;
}

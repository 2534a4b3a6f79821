import { Argument, type Command } from 'commander';
import { SHELLS, completionScript, type Shell } from '../reference/completion.ts';

const EXAMPLES = `
The script completes commands, flags and their values; everything else as files.

Examples:
  source <(tandem completion bash)                                        this shell
  tandem completion bash > ~/.local/share/bash-completion/completions/tandem
  tandem completion zsh > "\${fpath[1]}/_tandem"
  tandem completion fish > ~/.config/fish/completions/tandem.fish`;

export function addCompletionCommand(program: Command): void {
  program.command('completion').description('print a script with which a shell completes this command line')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .action((shell: Shell) => void process.stdout.write(completionScript(program, shell)))
    .addHelpText('after', EXAMPLES);
}

/** A command line that a document names: its words, without the program. */
export interface DocumentedCommand {
  file: string;
  line: number;
  /** `tandem`, `npm` or `node`. */
  program: string;
  words: string[];
  /** Of a block of code: to be run as it stands. What is named in a sentence may leave things out. */
  isWhole: boolean;
}

const PROGRAM = /^(?:npx +)?(?:\.\/)?(?:node_modules\/\.bin\/)?(tandem|npm|node)(?= |$)/;
const FENCE = /^\s*```(\w*)/;
/** Blocks that show files or output, not what is typed. */
const NO_SHELL: ReadonlySet<string> = new Set(['json', 'yaml', 'ts', 'js', 'python', 'mermaid', 'promql', 'css', 'html', 'sql', 'toml', 'diff', 'ini', 'xml', 'java']);

/** Blocks of what a command says of itself: sentences, and examples that are indented and may be explained behind two spaces. */
const HELP = 'text';
const exampleIn = (text: string) => (text.startsWith('  ') ? text.trim().split(/ {2,}/)[0] ?? '' : '');

/** All command lines of a Markdown text. */
export function documentedCommands(file: string, markdown: string): DocumentedCommand[] {
  const found: DocumentedCommand[] = [];
  let fence: string | undefined;
  let begun = '';
  for (const [index, text] of markdown.split('\n').entries()) {
    const language = FENCE.exec(text)?.[1];
    if (language !== undefined) {
      fence = fence === undefined ? language : undefined;
      continue;
    }
    if (fence !== undefined && NO_SHELL.has(fence)) continue;
    if (fence !== undefined && text.endsWith('\\')) {
      begun += `${text.slice(0, -1).trim()} `;
      continue;
    }
    const parts = fence === undefined ? [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code ?? '') : [begun + (fence === HELP ? exampleIn(text) : text.trim())];
    begun = '';
    for (const part of parts) found.push(...commandsIn(part).map((command) => ({ file, line: index + 1, ...command, isWhole: fence !== undefined })));
  }
  return found;
}

/** Of one line: several with pipes, `&&`, `;` or `$(…)`. */
function commandsIn(line: string): Pick<DocumentedCommand, 'program' | 'words'>[] {
  return simpleCommands(line).flatMap((words) => {
    const start = words.findIndex((word) => !/^[A-Z_]+=/.test(word) && word !== '$' && word !== '%');
    const text = words.slice(start).join(' ');
    const program = start < 0 ? undefined : PROGRAM.exec(text)?.[1];
    if (program === undefined) return [];
    const from = words.findIndex((word, index) => index >= start && word.endsWith(program)) + 1;
    return [{ program, words: words.slice(from) }];
  });
}

/** As far as documents need a shell: quotes, comments, and what stands between commands. Redirections are left out. */
function simpleCommands(line: string): string[][] {
  const commands: string[][] = [[]];
  const tokens = line.trim().matchAll(/(?<comment>(?:^|\s)#.*$)|(?<between>\|\||&&|[|;&()]|[$<]\()|(?<redirect>\d?>>?&?\d?\s*\S+|<\S*)|(?<word>(?:'[^']*'|"[^"]*"|[^\s'"|;&()])+)/g);
  for (const { groups } of tokens) {
    if (groups?.['comment'] !== undefined) break;
    if (groups?.['between'] !== undefined) commands.push([]);
    else if (groups?.['word'] !== undefined) commands.at(-1)!.push(groups['word'].replaceAll(/'([^']*)'|"([^"]*)"/g, '$1$2'));
  }
  return commands.filter((words) => words.length > 0);
}

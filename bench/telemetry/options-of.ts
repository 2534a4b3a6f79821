/** `--gather-ms 2 …` as commander would hand it over: `{ gatherMs: '2' }`. */
export function optionsOf(flags: readonly string[]): Record<string, string> {
  const nameOf = (flag: string) => flag.replace(/^--/, '').replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  const pairs = flags.flatMap((flag, index) => (index % 2 === 0 ? [[nameOf(flag), flags[index + 1] ?? '']] : []));
  return Object.fromEntries(pairs) as Record<string, string>;
}

/** Entries travel joined by line feeds, so a line feed inside one is written as `\n` and a backslash as `\\`. */
export function escapeEntry(entry: string): string {
  return entry.replace(/[\\\n]/g, (character) => (character === '\n' ? '\\n' : '\\\\'));
}

export function splitEntries(count: number, joined: string): string[] {
  if (count === 0) return [];
  const entries = joined.split('\n');
  return joined.includes('\\') ? entries.map(unescapeEntry) : entries;
}

function unescapeEntry(escaped: string): string {
  return escaped.replace(/\\(.)/g, (_whole, character) => (character === 'n' ? '\n' : '\\'));
}

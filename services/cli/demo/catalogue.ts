import { readFile } from 'node:fs/promises';

/** What people call an item, by its id. */
export type Titles = ReadonlyMap<string, string>;

/** `text` has one item a line: id, title, year, genres. */
export function parseTitles(text: string): Titles {
  const lines = text.split('\n').filter((line) => line !== '');
  return new Map(lines.map((line) => {
    const [id = '', title = '', year = ''] = line.split('\t');
    return [id, year === '' ? title : `${title} (${year})`];
  }));
}

export async function readTitles(path: string): Promise<Titles> {
  return parseTitles(await readFile(path, 'utf8'));
}

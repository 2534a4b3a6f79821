import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { documents, drift, GENERATED_FOLDER } from './documents.ts';

// npm run generate            writes schemas/generated/ and docs/topics.md
// npm run generate -- --check exits 1 and names each file that is not what the schemas say

const root = join(import.meta.dirname, '../..');
const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
const expected = documents();
const actual = await onDisk();

if (values.check) check();
else await write();

function check(): void {
  const problems = drift(expected, actual);
  for (const problem of problems) console.error(problem);
  if (problems.length === 0) return;
  console.error('Run `npm run generate` and commit the result.');
  process.exitCode = 1;
}

async function write(): Promise<void> {
  const left = [...actual.keys()].filter((path) => !expected.has(path));
  await Promise.all(left.map((path) => rm(join(root, path))));
  for (const [path, text] of expected) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  console.log(`${expected.size} files written, ${left.length} removed`);
}

async function onDisk(): Promise<Map<string, string>> {
  const folder = await readdir(join(root, GENERATED_FOLDER)).catch(() => []);
  const paths = new Set([...expected.keys(), ...folder.map((name) => `${GENERATED_FOLDER}/${name}`)]);
  const texts = await Promise.all([...paths].map(async (path) => [path, await textOf(path)] as const));
  return new Map(texts.filter((entry): entry is readonly [string, string] => entry[1] !== undefined));
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(join(root, path), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

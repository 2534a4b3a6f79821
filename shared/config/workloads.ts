import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { workloadSchema, type Variant, type Workload } from '@tandem/schemas';
import { TandemError, messageOf } from '../errors/index.ts';
import { workloadProblems } from './workload-checks.ts';

/** What workload files are held against. */
export interface LoadWorkloadsOptions {
  /** Of the registry: every model of a plan must have one that is stable. Not checked where absent. */
  variants?: readonly Variant[];
}

/**
 * Reads all workload files (`*.json`) of a folder, sorted by name.
 * @throws {TandemError} `workloads_invalid`: names each file, the path inside it, what is wrong and what would be valid
 */
export async function loadWorkloads(directory: string, { variants }: LoadWorkloadsOptions = {}): Promise<Workload[]> {
  const files = await workloadFiles(directory);
  const models = variants && new Set(variants.filter(({ status }) => status === 'stable').map(({ model }) => model));
  const read = await Promise.all(files.map((file) => readWorkload(file, models)));
  const problems = [...read.flatMap((file) => file.problems), ...repeatedNames(read)];
  if (problems.length > 0) throw invalid(problems);
  return read.flatMap(({ workload }) => workload ?? []);
}

/** What npm and TypeScript put beside an adapter module. */
const NOT_WORKLOADS: ReadonlySet<string> = new Set(['package.json', 'package-lock.json', 'tsconfig.json']);

interface ReadFile {
  file: string;
  workload?: Workload;
  problems: string[];
}

async function workloadFiles(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    throw invalid([`${directory}: the folder cannot be read: ${messageOf(error)}; --workloads names a folder of workload files`], error);
  });
  const files = names.filter((name) => name.endsWith('.json') && !NOT_WORKLOADS.has(name)).sort();
  if (files.length === 0) throw invalid([`${directory}: there is no workload file; put at least one *.json there`]);
  return files.map((name) => join(directory, name));
}

async function readWorkload(file: string, models: ReadonlySet<string> | undefined): Promise<ReadFile> {
  try {
    const parsed = workloadSchema.safeParse(JSON.parse(await readFile(file, 'utf8')));
    if (!parsed.success) {
      return { file, problems: parsed.error.issues.map(({ path, message }) => `${file}: ${path.join('.') || 'the file'}: ${message}`) };
    }
    const problems = workloadProblems(parsed.data, models).map((problem) => `${file}: ${problem}`);
    return { file, workload: parsed.data, problems };
  } catch (error) {
    return { file, problems: [`${file}: is not JSON: ${messageOf(error)}`] };
  }
}

function repeatedNames(read: readonly ReadFile[]): string[] {
  const names = read.map(({ workload }) => workload?.name);
  return read.flatMap(({ file, workload }, index) => {
    const earlier = workload === undefined ? -1 : names.indexOf(workload.name);
    return earlier >= 0 && earlier < index ? [`${file}: name: ${workload?.name} is taken by ${read[earlier]?.file}`] : [];
  });
}

function invalid(problems: readonly string[], cause?: unknown): TandemError {
  return new TandemError(problems.join('\n'), { code: 'workloads_invalid', cause });
}

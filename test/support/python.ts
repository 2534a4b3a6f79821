import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Runs a Python program with the packages of a requirements file, which are installed once, under ~/.cache/tandem.
 * @returns its standard output
 */
export async function runPython(args: readonly string[], requirements: string): Promise<string> {
  const { stdout } = await run('python3', [...args], { env: { ...process.env, PYTHONPATH: await packagesOf(requirements) }, maxBuffer: 16_777_216 });
  return stdout;
}

async function packagesOf(requirements: string): Promise<string> {
  const hash = createHash('sha256').update(await readFile(requirements)).digest('hex').slice(0, 12);
  const cache = join(homedir(), '.cache/tandem/python');
  const folder = join(cache, hash);
  if (existsSync(folder)) return folder;
  await mkdir(cache, { recursive: true });
  const draft = `${folder}.${process.pid}`;
  try {
    await run('python3', ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', draft, '--requirement', requirements]);
    await rename(draft, folder).catch((error: unknown) => {
      // Another test was quicker.
      if (!existsSync(folder)) throw error;
    });
  } catch (error) {
    throw new Error(`${requirements} could not be installed: Python 3 with pip is needed, and access to a package index`, { cause: error });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return folder;
}

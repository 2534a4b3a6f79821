import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { TandemError } from '@tandem/shared/errors';

const CACHE = join(homedir(), '.cache/tandem/peers');
/** PyTriton brings a server that is linked against the system's own Python. */
const PYTHONS = ['/usr/bin/python3', 'python3'];

async function run(command: string, args: readonly string[]): Promise<number | null> {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code;
}

/**
 * A virtual environment with a peer's pinned requirements, made where there is none.
 * @param folder of the peer, with requirements.txt
 * @returns its python
 * @throws {TandemError} `peer_unavailable`
 */
export async function pythonOf(name: string, folder: string): Promise<string> {
  const requirements = join(folder, 'requirements.txt');
  const hash = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  const directory = join(CACHE, name);
  const python = join(directory, 'bin/python');
  const marker = join(directory, 'installed');
  if (existsSync(marker) && readFileSync(marker, 'utf8').trim() === hash) return python;
  mkdirSync(CACHE, { recursive: true });
  const system = PYTHONS.find((path) => !path.startsWith('/') || existsSync(path))!;
  const isMade = (await run(system, ['-m', 'venv', '--clear', directory])) === 0;
  if (!isMade || (await run(python, ['-m', 'pip', 'install', '--quiet', '--requirement', requirements])) !== 0) {
    throw new TandemError(`${name} could not be installed into ${directory}; the messages are above`, { code: 'peer_unavailable' });
  }
  writeFileSync(marker, hash);
  return python;
}

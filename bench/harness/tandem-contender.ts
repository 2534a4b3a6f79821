import { join } from 'node:path';
import type { TaskKind } from '@tandem/schemas';
import type { Contender } from './contender.ts';
import { startContender } from './process-contender.ts';

const ENTRY = join(import.meta.dirname, '../../services/cli/tandem.ts');

export interface TandemOptions {
  name: string;
  description: string;
  task: TaskKind;
  /** Of `tandem cluster`. */
  flags: readonly string[];
  /** Run by these words in front, for example `taskset -c 0`. */
  launcher?: readonly string[];
  unavailable?: string | undefined;
}

/** The stages as `tandem cluster` runs them. */
export function tandemContender({ flags, launcher = [], ...rest }: TandemOptions): Contender {
  return {
    ...rest,
    async start({ kafka, prefix, folder }, before = []) {
      const words = [...before, ...launcher, process.execPath, ENTRY, 'cluster', '--kafka', kafka, '--prefix', prefix, '--http-port', '0', '--log-level', 'error', ...flags];
      return startContender([{ command: words[0]!, args: words.slice(1) }], folder);
    },
  };
}

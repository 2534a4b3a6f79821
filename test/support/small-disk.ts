import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { temporaryFolder } from './processes.ts';

/** While it is full: what a server that writes on needs to notice it. */
const LEFT_KIB = 64;
const FILLING_TRIES = 10;

/**
 * A disk of its own, in memory, that can be full from one moment to the next: it is made as small as what is on it. Needs
 * the right to mount. It never outlives this process, unless that is killed.
 */
export class SmallDisk implements Disposable {
  readonly folder: string;
  readonly #sizeMiB: number;
  readonly #onExit = () => this[Symbol.dispose]();

  /** @param sizeMiB takes up memory only as far as it is used; 10 MB for the index of each partition are reserved, not used */
  constructor(prefix: string, sizeMiB: number) {
    this.folder = temporaryFolder(prefix);
    this.#sizeMiB = sizeMiB;
    run('mount', '-t', 'tmpfs', '-o', `size=${sizeMiB}m`, 'tmpfs', this.folder);
    process.prependListener('exit', this.#onExit);
  }

  /** Nothing more can be written. */
  fill(): void {
    for (let tries = 1; ; tries += 1) {
      try {
        return this.#resize(`${this.#usedKiB() + LEFT_KIB}k`);
      } catch (error) {
        // More has been written meanwhile.
        if (tries === FILLING_TRIES) throw error;
      }
    }
  }

  /** There is space again. */
  free(): void {
    this.#resize(`${this.#sizeMiB}m`);
  }

  [Symbol.dispose](): void {
    process.off('exit', this.#onExit);
    run('umount', '--lazy', this.folder);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #resize(size: string): void {
    run('mount', '-o', `remount,size=${size}`, this.folder);
  }

  #usedKiB(): number {
    return Number(run('df', '--output=used', this.folder).split('\n').at(-2));
  }
}

/** Whether a disk can be mounted here: by root, and not in every container. */
export function canMount(): boolean {
  try {
    using _ = new SmallDisk('tandem-mount-', 1);
    return true;
  } catch {
    return false;
  }
}

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

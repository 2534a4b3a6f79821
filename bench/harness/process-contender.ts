import { join } from 'node:path';
import { startProcess } from '../../test/support/processes.ts';
import type { RunningContender } from './contender.ts';
import { treeOf } from './process-tree.ts';

/** One process to start. */
export interface Command {
  command: string;
  args: readonly string[];
  /** Added to this process's environment. */
  environment?: Readonly<Record<string, string>>;
}

let started = 0;

/** Ends a process and all that it has started, at once: what was in the log may stay there. */
async function killTree(pid: number): Promise<void> {
  for (const member of treeOf([pid])) {
    try {
      process.kill(member.pid, 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** Starts the processes of a contender. */
export function startContender(commands: readonly Command[], folder: string): RunningContender {
  const servers = commands.map(({ command, args, environment = {} }) => {
    const words = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    return startProcess('env', [...words, command, ...args], join(folder, `contender-${started++}.log`));
  });
  return {
    pids: servers.map(({ pid }) => pid),
    output: () => servers.map((server) => server.output()).join('\n'),
    async stop() {
      await Promise.all(servers.map(async (server) => {
        await killTree(server.pid);
        await server.exited;
      }));
    },
  };
}

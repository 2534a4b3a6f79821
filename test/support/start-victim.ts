import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Victim } from '../conformance/event-log-fixture.ts';
import { until } from './until.ts';

export interface VictimOptions {
  /** host:port[,host:port] */
  brokers: string;
  groupId: string;
  topic: string;
  /** @default 6000 */
  sessionTimeoutMs?: number;
}

/** A process that consumes as the client "victim", and acknowledges nothing. */
export function startVictim({ brokers, groupId, topic, sessionTimeoutMs = 6_000 }: VictimOptions): Victim {
  const child = fork(join(import.meta.dirname, 'victim.ts'), [brokers, groupId, topic, String(sessionTimeoutMs)], { execArgv: [] });
  let held = 0;
  child.on('message', (count) => (held = Number(count)));
  return {
    holds: (count) => until(() => held >= count, { timeoutMs: 60_000, what: () => `${count} records; the victim holds ${held}` }),
    async kill() {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

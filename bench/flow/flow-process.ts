/** All stages in one process over the embedded log, with models that compute nothing. Argument: how many requests come together. Told a number by its parent, it answers with what so many requests have cost. */
import { setImmediate as turn } from 'node:timers/promises';
import { topicName } from '@tandem/schemas';
import { loadSettings } from '@tandem/shared/config';
import { between, seededRandom } from '@tandem/shared/random';
import { median } from '@tandem/shared/statistics';
import { openPorts, type Ports } from '../../services/cli/compose/ports.ts';
import { startUnit } from '../../services/cli/compose/stages.ts';
import { ensureTopology } from '../../services/cli/compose/topology.ts';
import { tuneCollector } from '../../services/cli/garbage-collection.ts';
import { exitOnSignals, temporaryFolder } from '../../test/support/processes.ts';
import { noopFlags } from '../scenarios/made/made-models.ts';
import { optionsOf } from '../telemetry/options-of.ts';

/** CPU time, µs a request. */
export interface FlowCost {
  mainThread: number;
  /** The median of those that came together, of the same: without what a busy machine or the garbage collector does to a few of them. */
  typical: number;
  /** With inference threads and the garbage collector's. */
  process: number;
}

const micros = ({ user, system }: NodeJS.CpuUsage) => user + system;

const USERS = 600;
const LEAST_HISTORY = 64;
const MOST_HISTORY = 128;
const ITEMS = 3_800;

/** Answers with the cost of so many requests, of which some come together, and the next when these are answered. */
async function openLoad({ log, producer }: Ports, prefix: string, together: number): Promise<(count: number) => Promise<FlowCost>> {
  const random = seededRandom(1, 'requests');
  const upTo = (most: number) => Math.floor(between(random, 1, most));
  const ask = (number: number) => {
    const user = `user-${upTo(USERS)}`;
    const history = Array.from({ length: Math.floor(between(random, LEAST_HISTORY, MOST_HISTORY)) }, () => `"${upTo(ITEMS)}"`).join();
    const value = `{"requestId":"b${number}","workload":"recommend","userId":"${user}","input":{"history":[${history}],"limit":10},"hints":{"task":"full","deadlineMs":60000,"activity":0.5}}`;
    return { topic: topicName(prefix, 'requests'), key: user, value };
  };
  let [made, asked, answered] = [0, 0, 0];
  let allAnswered = () => undefined as void;
  await log.tail({
    topic: topicName(prefix, 'responses'),
    onRecord() {
      answered += 1;
      if (answered === asked) allAnswered();
    },
  });
  return async (count) => {
    const records = Array.from({ length: count }, () => ask(made++));
    const before = process.cpuUsage();
    const costs: number[] = [];
    for (let at = 0; at < count; at += together) {
      const some = records.slice(at, at + together);
      const threadBefore = process.threadCpuUsage();
      asked += some.length;
      const done = new Promise<void>((resolve) => (allAnswered = resolve));
      await producer.send(some);
      await done;
      await turn();
      costs.push(micros(process.threadCpuUsage(threadBefore)) / some.length);
    }
    return { mainThread: costs.reduce((sum, us) => sum + us, 0) / costs.length, typical: median(costs), process: micros(process.cpuUsage(before)) / count };
  };
}

exitOnSignals();
tuneCollector();
const settings = loadSettings({ flags: { ...optionsOf(noopFlags(temporaryFolder('tandem-bench-flow-'))), logLevel: 'error' } });
const ports = await openPorts(settings, 'bench');
await ensureTopology(settings, ports);
await startUnit(['classifier', 'scheduler', 'worker', 'fusion'], settings, ports, []);
const run = await openLoad(ports, settings.prefix, Number(process.argv[2]));
process.on('message', (count: number) => void run(count).then((cost) => process.send?.(cost)));
process.on('disconnect', () => process.exit());

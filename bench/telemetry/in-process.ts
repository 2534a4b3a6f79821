/** What telemetry costs in µs, of a flow in one process without a broker: see HELP. */
import { parseArgs } from 'node:util';
import { topicName } from '@tandem/schemas';
import { loadSettings } from '@tandem/shared/config';
import { between, seededRandom } from '@tandem/shared/random';
import { median, quantile } from '@tandem/shared/statistics';
import { openPorts, type Ports } from '../../services/cli/compose/ports.ts';
import { startUnit } from '../../services/cli/compose/stages.ts';
import { ensureTopology } from '../../services/cli/compose/topology.ts';
import { tuneCollector } from '../../services/cli/garbage-collection.ts';
import { exitOnSignals, temporaryFolder } from '../../test/support/processes.ts';
import { number } from '../harness/format.ts';
import { terminalTable } from '../report/terminal.ts';
import { noopFlags } from '../scenarios/made/made-models.ts';
import { optionsOf } from './options-of.ts';
import { overheadOf, overheadText } from './paired.ts';
import { startCollector } from './start-collector.ts';
import { NAMES, WAYS, switchTo, switchedMetrics, switchedTracing, type Way } from './switched.ts';

const HELP = `What telemetry costs in µs of CPU time: all stages chained in one process over the embedded log, models that compute nothing. The same
process goes on and is switched between the ways, window by window, every second round backwards. No broker: the costs are those of a real
flow, their share is larger.

  npm run bench:telemetry:in-process -- [--minutes 3] [--requests 1000] [--ways off,metrics,sampled,all]
`;

const IN_FLIGHT = 60;
const BURST = 8;
/** Between windows: what was under way as before. */
const SETTLING = 200;
const PAUSE_MS = 3;
const WARMING_ROUNDS = 2;
const LEAST_DISTURBED = 0.25;

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '3' }, requests: { type: 'string', default: '1000' }, ways: { type: 'string', default: WAYS.join() }, help: { type: 'boolean', short: 'h', default: false } } });

/** Asks, a few at once, and never more than some are under way. */
async function openLoad({ log, producer }: Ports, prefix: string): Promise<(count: number) => Promise<void>> {
  const random = seededRandom(1, 'requests');
  const ask = (number: number) => {
    const user = `u${Math.floor(between(random, 0, 6_000))}`;
    const history = Array.from({ length: Math.floor(between(random, 1, 128)) }, () => `"${Math.floor(between(random, 1, 3_800))}"`).join();
    const value = `{"requestId":"b${number}","workload":"recommend","userId":"${user}","input":{"history":[${history}],"limit":10},"hints":{"task":"full","activity":1,"deadlineMs":60000}}`;
    return { topic: topicName(prefix, 'requests'), key: user, value, headers: {} };
  };
  let [asked, answered] = [0, 0];
  await log.tail({ topic: topicName(prefix, 'responses'), onRecord: () => (answered += 1) });
  return async (count) => {
    const until = asked + count;
    while (answered < until) {
      const more = Math.min(BURST, until - asked, IN_FLIGHT - (asked - answered));
      if (more > 0) await producer.send(Array.from({ length: more }, () => ask(asked++)));
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  };
}

/** µs of CPU time a request, of the thread that all stages run in: models compute nothing, and telemetry has no thread of its own. */
async function measure(way: Way, run: (count: number) => Promise<void>, requests: number): Promise<number> {
  switchTo(way);
  await run(SETTLING);
  const before = process.threadCpuUsage();
  await run(requests);
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / requests;
}

async function main(): Promise<void> {
  if (values.help) return void process.stdout.write(HELP);
  exitOnSignals();
  tuneCollector();
  switchedMetrics();
  const collector = await startCollector();
  const settings = loadSettings({ flags: { ...optionsOf(noopFlags(temporaryFolder('tandem-bench-telemetry-'))), logLevel: 'error' } });
  const opened = await openPorts(settings, 'bench');
  const ports = { ...opened, tracing: await switchedTracing('bench', collector.url) };
  await ensureTopology(settings, ports);
  await startUnit(['classifier', 'scheduler', 'worker', 'fusion'], settings, ports, []);
  const run = await openLoad(ports, settings.prefix);
  const requests = Number(values.requests);
  const ways = WAYS.filter((way) => values.ways.split(',').includes(way));
  const measured = new Map<Way, number[]>(ways.map((way) => [way, []]));
  const until = performance.now() + Number(values.minutes) * 60_000;
  for (let round = -WARMING_ROUNDS; round < 1 || performance.now() < until; round += 1) {
    for (const way of round % 2 === 0 ? ways : ways.toReversed()) {
      const us = await measure(way, run, requests);
      if (round >= 0) measured.get(way)?.push(us);
    }
  }
  const base = measured.get('off') ?? [];
  const rows = [...measured].map(([way, all]) => [NAMES[way], number(median(all)), number(quantile(all, LEAST_DISTURBED)), number(median(all.map((us, index) => us - (base[index] ?? NaN)))), overheadText(overheadOf(all, base))]);
  process.stdout.write(`${base.length} rounds of ${requests} requests\n${terminalTable({ head: ['', 'CPU µs per request', 'least disturbed quarter', 'more than off', 'share (95 % of the median)'], rows })}\n`);
  collector.stop();
  process.exit();
}

await main();

/** What a request costs the process of all stages: see HELP. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { median } from '@tandem/shared/statistics';
import { exitOnSignals } from '../../test/support/processes.ts';
import { number } from '../harness/format.ts';
import { terminalTable } from '../report/terminal.ts';
import type { FlowCost } from './flow-process.ts';

const HELP = `What a request costs the process of all stages (--chain all) in µs of CPU time, with models that compute nothing, over the embedded log: what is
left of the flow where no Kafka is. Other checkouts are measured in turn with this one, so that noise is the same for all.

  npm run bench:flow -- [--together 16] [--requests 2000] [--rounds 20] [--against FOLDER]…
`;

const ROOT = join(import.meta.dirname, '../..');
const WARMING_ROUNDS = 3;

const { values } = parseArgs({
  options: { together: { type: 'string', default: '16' }, requests: { type: 'string', default: '2000' }, rounds: { type: 'string', default: '20' }, against: { type: 'string', multiple: true, default: [] }, help: { type: 'boolean', short: 'h', default: false } },
});

interface Side {
  folder: string;
  child: ChildProcess;
  costs: FlowCost[];
}

async function measure({ child }: Side): Promise<FlowCost> {
  child.send(Number(values.requests));
  const [cost] = (await once(child, 'message')) as [FlowCost];
  return cost;
}

function rowOf({ folder, costs }: Side, base: Side): string[] {
  const of = (read: (cost: FlowCost) => number) => {
    const all = costs.map(read);
    return [number(median(all)), number(median(all.map((us, index) => us - read(base.costs[index]!))))];
  };
  return [folder, ...of(({ typical }) => typical), ...of(({ mainThread }) => mainThread), ...of(({ process: all }) => all)];
}

async function main(): Promise<void> {
  if (values.help) return void process.stdout.write(HELP);
  exitOnSignals();
  const sides = [ROOT, ...values.against.map((folder) => resolve(folder))].map((folder): Side => ({ folder, child: fork(join(folder, 'bench/flow/flow-process.ts'), [values.together], { cwd: folder }), costs: [] }));
  const rounds = Number(values.rounds);
  for (let round = -WARMING_ROUNDS; round < rounds; round += 1) {
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      const cost = await measure(side);
      if (round >= 0) side.costs.push(cost);
    }
  }
  for (const { child } of sides) child.disconnect();
  const head = ['CPU µs per request', 'main thread, typical', 'more than here', 'main thread', 'more than here', 'process', 'more than here'];
  process.stdout.write(`${rounds} rounds of ${values.requests} requests, ${values.together} together\n${terminalTable({ head, rows: sides.map((side) => rowOf(side, sides[0]!)) })}\n`);
}

await main();

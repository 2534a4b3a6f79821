/** Whether one tenant's overload slows another: see HELP. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadRegistry, stableVariants } from '@tandem/shared/registry';
import { median } from '@tandem/shared/statistics';
import { exitOnSignals } from '../../test/support/processes.ts';
import { number } from '../harness/format.ts';
import { describeMachine } from '../harness/machine.ts';
import { openStand, type Stand } from '../harness/stand.ts';
import { tandemContender } from '../harness/tandem-contender.ts';
import { terminalTable } from '../report/terminal.ts';
import { sendTogether, type Sender, type SenderFigures } from './two-senders.ts';

const HELP = `Two tenants on the real flow over Kafka: one keeps to its quota, the other sends several times its own. What the former gets, alone and beside the latter, with quotas and without.

  npm run bench:quotas -- [--rounds 3] [--seconds 10] [--rate 50] [--quota 100] [--times 10] [--slo-ms 100] [--kafka HOST:PORT] [--json FILE]

Requests are of recommend, both steps, of one tier. "quiet" sends --rate a second, "loud" --times --quota. With quotas both may send --quota. Rounds are interleaved; medians.
Without them workers still share by tenant: what quotas add is that nothing is spent on what is too much.
`;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' }, seconds: { type: 'string', default: '10' }, rate: { type: 'string', default: '50' }, quota: { type: 'string', default: '100' }, times: { type: 'string', default: '10' },
    'slo-ms': { type: 'string', default: '100' }, kafka: { type: 'string' }, json: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false },
  },
});

const SLO_MS = Number(values['slo-ms']);
const WARM_SECONDS = 4;
const START_PATIENCE_MS = 180_000;
const QUIET: Sender = { tenant: 'quiet', perSecond: Number(values.rate) };
const LOUD: Sender = { tenant: 'loud', perSecond: Number(values.times) * Number(values.quota) };
const HISTORY = ['1', '260', '1196', '1210', '480', '589', '1270'];
const request = (count: number) => ({ workload: 'recommend', userId: `user-${count % 1_000}`, input: { history: HISTORY, limit: 10 }, hints: { task: 'full', deadlineMs: SLO_MS, activity: 0.5 } });

type Figures = Record<string, SenderFigures>;

/** Alone, and beside the other. */
async function runs(stand: Stand, flags: readonly string[]): Promise<{ alone: Figures; together: Figures }> {
  const place = await stand.newPlace();
  const running = await tandemContender({ name: 'tandem', description: 'all stages', task: 'full', flags }).start(place);
  try {
    const options = { log: stand.log, prefix: place.prefix, sloMs: SLO_MS, request };
    await answering(options).catch((error: unknown) => {
      throw new Error(`no answers; the end of what the flow said:\n${running.output().slice(-1_000)}`, { cause: error });
    });
    const alone = await sendTogether([QUIET], { ...options, seconds: Number(values.seconds) });
    const together = await sendTogether([QUIET, LOUD], { ...options, seconds: Number(values.seconds) });
    return { alone: Object.fromEntries(alone), together: Object.fromEntries(together) };
  } finally {
    await running.stop();
    await stand.clear(place);
  }
}

/** @throws {Error} where nothing is answered */
async function answering(options: Omit<Parameters<typeof sendTogether>[1], 'seconds'>): Promise<void> {
  let last: SenderFigures | undefined;
  for (const until = performance.now() + START_PATIENCE_MS; performance.now() < until;) {
    last = (await sendTogether([{ tenant: 'warm-up', perSecond: 20 }], { ...options, seconds: WARM_SECONDS })).get('warm-up')!;
    if (last.goodputPerSecond > 10) return;
  }
  throw new Error(`the flow does not answer in time even what comes slowly (${JSON.stringify(last)}): allow more with --slo-ms`);
}

function rowOf(name: string, all: readonly SenderFigures[]): string[] {
  const of = (pick: (figures: SenderFigures) => number) => median(all.map(pick));
  return [name, number(of(({ offered }) => offered / Number(values.seconds))), number(of(({ goodputPerSecond }) => goodputPerSecond)), number(of(({ p50Ms }) => p50Ms)), number(of(({ p99Ms }) => p99Ms)),
    number(of(({ overQuota }) => overQuota)), number(of(({ otherwise }) => otherwise))];
}

async function main(): Promise<void> {
  if (values.help) return void process.stdout.write(HELP);
  exitOnSignals();
  const variants = stableVariants(await loadRegistry(join(import.meta.dirname, '../../models')));
  await using stand = await openStand(values.kafka, variants);
  const rounds: { quotas: boolean; alone: Figures; together: Figures }[] = [];
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const quotas of round % 2 === 0 ? [true, false] : [false, true]) {
      rounds.push({ quotas, ...await runs(stand, quotas ? ['--tenant-quotas', `*:${values.quota}`] : []) });
      process.stderr.write(`round ${round + 1}, ${quotas ? 'with' : 'without'} quotas\n`);
    }
  }
  const rows = [true, false].flatMap((quotas) => {
    const those = rounds.filter((one) => one.quotas === quotas);
    const name = quotas ? 'quotas' : 'none';
    return [
      rowOf(`${name}: quiet, alone`, those.map(({ alone }) => alone['quiet']!)), rowOf(`${name}: quiet, beside loud`, those.map(({ together }) => together['quiet']!)),
      rowOf(`${name}: loud`, those.map(({ together }) => together['loud']!)),
    ];
  });
  console.log(describeMachine());
  console.log(terminalTable({ head: ['', 'offered /s', `in ${SLO_MS} ms /s`, 'p50 ms', 'p99 ms', 'over quota', 'otherwise'], rows }));
  if (values.json === undefined) return;
  mkdirSync(dirname(values.json), { recursive: true });
  writeFileSync(values.json, `${JSON.stringify({ machine: describeMachine(), options: values, rounds }, null, 1)}\n`);
}

await main();

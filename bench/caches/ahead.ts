/**
 * What computing ahead of requests gains, and costs. Two systems in one process, each with all stages, a log and a result cache of its
 * own; in one of them likely requests are computed in idle time. Both get the same traffic in turn, in every round, and who goes first
 * changes: requests of users who are as active as Zipf's law says, at Poisson times, some after an interaction that lies a little back.
 *
 *     npm run bench:ahead -- [--rounds 4] [--seconds 20] [--rate 20] [--users 500] [--exponent 1] [--share 0.5] [--think 3]
 *                            [--per-second 20] [--max-cpu-use 0.7] [--variant recommend-large.fp32] [--json]
 *
 * `--share` of requests come after something new, `--think` seconds before them in the mean.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { exponential, poissonArrivals, seededRandom, zipf } from '@tandem/shared/random';
import { describeMachine } from '../harness/machine.ts';
import { openAheadSystem, type AheadSystem, type Answered, type Sending } from './ahead-system.ts';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '4' }, seconds: { type: 'string', default: '20' }, rate: { type: 'string', default: '20' }, users: { type: 'string', default: '500' },
    exponent: { type: 'string', default: '1' }, share: { type: 'string', default: '0.5' }, think: { type: 'string', default: '3' }, 'per-second': { type: 'string', default: '20' },
    'max-cpu-use': { type: 'string', default: '0.7' }, variant: { type: 'string', default: 'recommend-large.fp32' }, json: { type: 'boolean', default: false },
  },
});
const number = (name: 'rounds' | 'seconds' | 'rate' | 'users' | 'exponent' | 'share' | 'think') => Number(flags[name]);
const CATALOGUE = 3_706;
const FIRST_ITEMS = 20;
/** What is still due then is computed before the other system's turn. */
const SETTLE_MS = 3_000;

interface Figures {
  requests: number;
  hitRate: number;
  p50Ms: number;
  p95Ms: number;
  /** Of the models, on the way of requests, ms each. */
  computeMs: number;
  /** Of the whole process, ms for each request: what was computed ahead is in it. */
  cpuMs: number;
}

/** The same for both systems; each round another. */
function sendingsOf(round: number): Sending[] {
  const random = seededRandom(11, `ahead ${round}`);
  const [draw, arrivals] = [zipf(number('users'), number('exponent'), random), poissonArrivals(number('rate'), random)];
  const sendings: Sending[] = [];
  for (let atMs = arrivals.next(); atMs < 1_000 * number('seconds'); atMs = arrivals.next()) {
    const userId = `user-${draw()}`;
    if (random() < number('share')) sendings.push({ atMs: Math.max(0, atMs - 1_000 * number('think') * exponential(random)), userId, itemId: item(random) });
    sendings.push({ atMs, userId });
  }
  return sendings.sort((a, b) => a.atMs - b.atMs);
}

const item = (random: () => number) => String(1 + Math.floor(random() * CATALOGUE));

function histories(): Sending[] {
  const random = seededRandom(11, 'histories');
  return Array.from({ length: number('users') * FIRST_ITEMS }, (_, index) => ({ atMs: 0, userId: `user-${index % number('users')}`, itemId: item(random) }));
}

async function turn(system: AheadSystem, sendings: readonly Sending[]): Promise<Figures> {
  const cpu = process.cpuUsage();
  const answers = await system.replay(sendings);
  await delay(SETTLE_MS);
  const { user, system: kernel } = process.cpuUsage(cpu);
  return figuresOf(answers, (user + kernel) / 1_000);
}

function figuresOf(answers: readonly Answered[], cpuMs: number): Figures {
  const times = answers.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0;
  const mean = (of: (answer: Answered) => number) => answers.reduce((sum, answer) => sum + of(answer), 0) / Math.max(1, answers.length);
  return { requests: answers.length, hitRate: mean(({ isCached }) => Number(isCached)), p50Ms: at(0.5), p95Ms: at(0.95), computeMs: mean(({ computeMs }) => computeMs), cpuMs: cpuMs / Math.max(1, answers.length) };
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

function summary(rounds: readonly Figures[]): Figures {
  const of = (name: keyof Figures) => median(rounds.map((round) => round[name]));
  return { requests: rounds.reduce((sum, { requests }) => sum + requests, 0), hitRate: of('hitRate'), p50Ms: of('p50Ms'), p95Ms: of('p95Ms'), computeMs: of('computeMs'), cpuMs: of('cpuMs') };
}

const settings = { variant: flags.variant, users: number('users'), perSecond: flags['per-second'], maxCpuUse: flags['max-cpu-use'] };
const machine = describeMachine();
await using without = await openAheadSystem({ ...settings, isAhead: false });
await using ahead = await openAheadSystem({ ...settings, isAhead: true });
for (const system of [without, ahead]) await system.replay(histories());
const rounds: { without: Figures; ahead: Figures }[] = [];
for (let round = -1; round < number('rounds'); round += 1) {
  const sendings = sendingsOf(round);
  const order = round % 2 === 0 ? [without, ahead] : [ahead, without];
  const figures = new Map<AheadSystem, Figures>();
  for (const system of order) figures.set(system, await turn(system, sendings));
  // The first round fills the caches of both.
  if (round >= 0) rounds.push({ without: figures.get(without)!, ahead: figures.get(ahead)! });
}
const report = { machine, settings: { ...flags }, without: summary(rounds.map((round) => round.without)), ahead: summary(rounds.map((round) => round.ahead)), computed: await ahead.counts(), rounds };
if (flags.json) console.log(JSON.stringify(report, null, 2));
else {
  const { cpu, cores, node, commit, loadAverage } = machine;
  console.log(`${cpu}, ${cores} cores, Node ${node}, ${commit}, load ${loadAverage}; ${flags.rounds} rounds of ${flags.seconds} s, ${flags.rate}/s, ${flags.users} users, exponent ${flags.exponent}, ${flags.share} of requests after something new, ${flags.think} s before`);
  const shown = ({ hitRate, p50Ms, p95Ms, computeMs, cpuMs }: Figures) => ({ 'hit rate': hitRate.toFixed(3), 'p50 ms': p50Ms.toFixed(1), 'p95 ms': p95Ms.toFixed(1), 'compute ms each': computeMs.toFixed(3), 'CPU ms each, all in all': cpuMs.toFixed(2) });
  console.table({ 'result cache': shown(report.without), 'and computed ahead': shown(report.ahead) });
  console.log(`computed ahead ${report.computed.computed}, known already ${report.computed.known}, used ${report.computed.used}`);
}

import type { Bench, Findings, Scenario } from '../harness/bench.ts';
import { number, spread } from '../harness/format.ts';
import { Session } from '../harness/measure.ts';
import { inRounds } from '../harness/rounds.ts';
import { spreadOf } from '@tandem/shared/statistics';
import { MEBIBYTE } from '@tandem/shared/units';
import { batchConsumer, oneByOneConsumer, tandemCascade, tandemLarge } from './usual-contenders.ts';

const CONTENDERS = () => [tandemLarge(), tandemCascade(), batchConsumer(), oneByOneConsumer()];

async function drainBacklog(bench: Bench): Promise<Findings> {
  const count = bench.quick ? 2_000 : 30_000;
  const measured = await inRounds(bench, CONTENDERS(), async (contender) => {
    await using session = await Session.open(contender, bench);
    await session.ready();
    await session.warmUp();
    return await session.drain(count);
  }, (perSecond) => `${number(perSecond)}/s`);
  const data = measured.map(({ contender, results, failure }) => ({ name: contender.name, failure, answersPerSecond: spreadOf(results) }));
  return {
    data, plots: [],
    notes: [`${number(count)} requests at once, without a deadline that matters; from the first request to the last answer.`],
    tables: [{ head: ['', 'answers /s'], rows: data.map(({ name, failure, answersPerSecond }) => [name, failure ?? spread(answersPerSecond)]) }],
  };
}

export const drain: Scenario = { name: 'drain', description: 'how fast a backlog is worked off', run: drainBacklog };

const FIRST_RATE = 50;
const FIRST_SECONDS = 3;

interface ColdStart {
  /** From the start of the processes to the first answer, which waited in the log. */
  firstAnswerSeconds: number;
  coldP50Ms: number;
  coldP99Ms: number;
  warmP50Ms: number;
  warmP99Ms: number;
}

async function coldStarts(bench: Bench): Promise<Findings> {
  const measured = await inRounds(bench, CONTENDERS(), async (contender): Promise<ColdStart> => {
    await using session = await Session.open(contender, bench);
    const firstAnswerSeconds = ((await session.ready()) - session.startedAt) / 1_000;
    const cold = (await session.at(FIRST_RATE, FIRST_SECONDS)).figures;
    await session.warmUp();
    const warm = (await session.at(FIRST_RATE, FIRST_SECONDS)).figures;
    return { firstAnswerSeconds, coldP50Ms: cold.p50Ms, coldP99Ms: cold.p99Ms, warmP50Ms: warm.p50Ms, warmP99Ms: warm.p99Ms };
  }, ({ firstAnswerSeconds, coldP99Ms, warmP99Ms }) => `${number(firstAnswerSeconds)} s to the first answer, then p99 ${number(coldP99Ms)} ms, warm ${number(warmP99Ms)} ms`);
  const data = measured.map(({ contender, results, failure }) => ({ name: contender.name, failure, results }));
  const of = (results: readonly ColdStart[], pick: keyof ColdStart) => spread(spreadOf(results.map((result) => result[pick])));
  return {
    data, plots: [],
    notes: [`Requests come four times a second while the processes start; the first complete answer counts. Then ${FIRST_RATE}/s for ${FIRST_SECONDS} s, once at once and once behind ${number(900)} requests of warm-up.`],
    tables: [{
      head: ['', 's to the first answer', 'p50 ms', 'p99 ms', 'warm p50 ms', 'warm p99 ms'],
      rows: data.map(({ name, failure, results }) => [name, failure ?? of(results, 'firstAnswerSeconds'), of(results, 'coldP50Ms'), of(results, 'coldP99Ms'), of(results, 'warmP50Ms'), of(results, 'warmP99Ms')]),
    }],
  };
}

export const coldStart: Scenario = { name: 'cold-start', description: 'from start to first answer, and the first seconds with and without warm-up', run: coldStarts };

const LOADS = [0.25, 0.5, 1, 2];

async function memoryUnderLoad(bench: Bench): Promise<Findings> {
  const measured = await inRounds(bench, CONTENDERS(), async (contender) => {
    await using session = await Session.open(contender, bench);
    await session.ready();
    const residentMiB = [session.residentBytes() / MEBIBYTE];
    const { goodputPerSecond } = await session.search(await session.warmUp());
    for (const load of LOADS) {
      await session.at(Math.max(1, load * goodputPerSecond), 2 * bench.effort.probeSeconds);
      residentMiB.push(session.residentBytes() / MEBIBYTE);
    }
    return residentMiB;
  }, (residentMiB) => `${residentMiB.map((value) => number(value)).join(', ')} MiB`);
  const data = measured.map(({ contender, results, failure }) => ({
    name: contender.name, failure, residentMiB: [0, ...LOADS].map((load, index) => ({ load, ...spreadOf(results.map((values) => values[index] ?? NaN)) })),
  }));
  return {
    data,
    notes: ['Resident memory of all of its processes together, behind a run at a share of its goodput. Pages that processes share count for each.'],
    tables: [{
      head: ['MiB', 'idle', ...LOADS.map((load) => `${load * 100} %`)],
      rows: data.map(({ name, failure, residentMiB }) => [name, ...(failure === undefined ? residentMiB.map((value) => spread(value)) : [failure])]),
    }],
    plots: [{ title: 'Memory', panels: [{ title: 'Resident memory', xName: '% of goodput', yName: 'MiB', series: data.map(({ name, residentMiB }) => ({ name, points: residentMiB.map(({ load, median }) => [load * 100, median] as const) })) }] }],
  };
}

export const memory: Scenario = { name: 'memory', description: 'resident memory against load', run: memoryUnderLoad };

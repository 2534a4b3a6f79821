/** What a cold start costs, and what becomes of it when it is foreseen: see HELP. */
import { parseArgs } from 'node:util';
import type { Outcome, RecommendFeatures, Work } from '@tandem/schemas';
import { createMemoryCache } from '@tandem/shared/cache';
import { systemClock } from '@tandem/shared/clock';
import { builtInAdapters } from '@tandem/shared/core';
import { createOnnxEngine } from '@tandem/shared/engine';
import { loadRegistry, stableVariants, variantName } from '@tandem/shared/registry';
import { silentLogger } from '@tandem/shared/telemetry';
import { createWorkerStage } from '@tandem/worker';
import { describeMachine } from '../harness/machine.ts';
import { MODELS } from '../user-streams/side.ts';
import { shortfalls } from './ramp.ts';

const HELP = `Measures what a request waits for a variant that is not in memory, beside one that finds it there, in rounds that alternate;
and, in virtual time, how much work a rising load brings before its workers have started, with and without foresight.

  npm run bench:scaling -- [--rounds 10] [--model recommend-large] [--help]
`;

const { values: flags } = parseArgs({ options: { rounds: { type: 'string', default: '10' }, model: { type: 'string', default: 'recommend-large' }, help: { type: 'boolean', short: 'h', default: false } } });
const SLEEP_AFTER_MS = 1_000;
const QUIET_LOG = { now: () => Date.now(), tail: async () => ({ caughtUp: Promise.resolve(), close: async () => undefined }) };
const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

if (flags.help) process.stdout.write(HELP);
else await main();

async function main(): Promise<void> {
  const { cpu, cores, node } = describeMachine();
  process.stdout.write(`${cpu}, ${cores} cores, Node ${node}\n`);
  const worker = await startWorker();
  const waits = { loaded: [] as number[], asleep: [] as number[], hidden: [] as number[] };
  for (let round = 0; round < Number(flags.rounds); round += 1) {
    await worker.asleep();
    waits.asleep.push(await worker.askMs('fp32'));
    waits.loaded.push(await worker.askMs('fp32'));
    await worker.asleep();
    // The other precision is asked for, and this one is loaded beside it.
    await worker.askMs('int8');
    await worker.loaded('fp32');
    waits.hidden.push(await worker.askMs('fp32'));
  }
  await worker.stop();
  process.stdout.write(`\n${flags.model}.fp32, one request, median of ${flags.rounds}, ms:\n`);
  for (const [name, all] of Object.entries(waits)) process.stdout.write(`  ${name.padEnd(8)} ${median(all).toFixed(1)}   (worst ${Math.max(...all).toFixed(1)})\n`);
  process.stdout.write('\nin virtual time, a load between 1 and 7 sessions and back in 10 minutes; session seconds beyond what the workers there were could do:\n');
  for (const targetUse of [0.7, 0.9]) {
    for (const startMs of [5_000, 20_000]) {
      const { without, foreseen } = shortfalls({ startMs, targetUse });
      process.stdout.write(`  target ${targetUse}, workers start in ${startMs / 1_000} s: ${without.toFixed(1)} without foresight, ${foreseen.toFixed(1)} with it\n`);
    }
  }
}

async function startWorker() {
  const variants = stableVariants(await loadRegistry(MODELS)).filter(({ model, precision }) => model === flags.model && ['fp32', 'int8'].includes(precision));
  const there = new Set(variants.map(variantName));
  const stage = await createWorkerStage({
    prefix: 'b.', instance: 'bench', variants, adapters: builtInAdapters, engine: createOnnxEngine({ modelsDirectory: MODELS, threads: 1 }), sleepAfterMs: SLEEP_AFTER_MS,
    clock: systemClock, logger: silentLogger, cache: createMemoryCache(), log: QUIET_LOG,
    probe: { sample: async () => ({ time: 0, cpuCores: 1, memoryBytes: 1, memoryFreeBytes: 1 }) },
    observer: { loaded: (name) => there.add(name), unloaded: (name) => there.delete(name) },
  });
  await stage.start?.({ publish: async () => undefined });
  const when = async (condition: () => boolean) => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  return {
    asleep: () => when(() => there.size === 0),
    loaded: (precision: string) => when(() => there.has(`${flags.model}.${precision}`)),
    async askMs(precision: string): Promise<number> {
      const startedAt = performance.now();
      const [output] = await stage.handle({ topic: `b.work.${flags.model}.${precision}`, partition: 0, offset: 0, key: 'k', value: Buffer.from(JSON.stringify(workOf(precision))), headers: {}, timestamp: 0 }, { publish: async () => undefined });
      const outcome = JSON.parse(String(output!.value)) as Outcome;
      if (outcome.kind !== 'completed') throw new Error(`the worker answered ${JSON.stringify(outcome)}`);
      return performance.now() - startedAt;
    },
    stop: async () => stage.stop?.(),
  };
}

function workOf(precision: string): Work {
  const input: RecommendFeatures = { history: Array.from({ length: 60 }, (_, index) => 1 + index * 7), total: 60, limit: 10 };
  const step = { id: 'fine', role: 'fine' as const, model: flags.model, after: [], required: true };
  return {
    step: 'fine', model: flags.model, precision, reason: '', dispatchedAt: Date.now(), previous: {},
    task: {
      requestId: crypto.randomUUID(), workload: 'recommend', key: 'k', lane: 'interactive', task: 'fine', tier: 'standard', arrivedAt: Date.now(), deadlineAt: null,
      accuracyFloor: null, activity: 0, input, source: '', marks: [], plan: { id: 'fine', strategy: 'rerank', steps: [step] },
    },
  };
}

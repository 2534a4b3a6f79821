/**
 * What the flow's records weigh: bytes, and microseconds to write and to read them as JSON, for a `full` recommendation
 * (150 items of history, 100 candidates). The last row is the same candidate list as objects, for comparison.
 *
 *     node bench/records/records.ts [--json]
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { Outcome, Task, Work } from '@tandem/schemas';

const ROUNDS = 15;
const PER_ROUND = 2_000;
const HISTORY = 150;
const CANDIDATES = 100;

const { values: flags } = parseArgs({ options: { json: { type: 'boolean', default: false } } });

const ids = (count: number, step: number) => Array.from({ length: count }, (_, index) => 1 + ((index * step) % 3_883));
const ranked = { items: ids(CANDIDATES, 37), scores: Array.from({ length: CANDIDATES }, (_, index) => Number((9.87654 - index * 0.0437).toFixed(4))), confidence: 0.41 };

const task: Task = {
  requestId: '7b0a9d0e-3c3f-4d7f-9c0c-2f1f6a3d9f10', workload: 'recommend', key: '4330', userId: '4330', lane: 'interactive', task: 'full', tier: 'standard',
  arrivedAt: 1_764_000_000_000, deadlineAt: 1_764_000_001_000, accuracyFloor: 0, activity: 0.83, input: { history: ids(HISTORY, 91), total: 312, limit: 10 },
  source: 'tandem.requests/3/1234567', marks: [],
  plan: {
    id: 'full', strategy: 'rerank', steps: [
      { id: 'coarse', role: 'coarse', model: 'recommend-small', after: [], required: false },
      { id: 'fine', role: 'fine', model: 'recommend-large', after: ['coarse'], required: false },
    ],
  },
};
const run = { model: 'recommend-small', precision: 'int8', version: '2026-11-21.1', batchSize: 8, queueMs: 1.2, computeMs: 0.4, reason: 'threshold: coarse, CPU 0.41, 9.8 GB free → fp16, fp32 serves' };
const work: Work = { step: 'coarse', model: 'recommend-small', precision: 'int8', reason: run.reason, dispatchedAt: 1_764_000_000_005, task, previous: {} };
const outcome: Outcome = { kind: 'completed', requestId: task.requestId, step: 'coarse', run, result: ranked, task, previous: {} };
const fine: Work = { ...work, step: 'fine', model: 'recommend-large', previous: { coarse: { kind: 'completed', run, result: ranked } } };
const asObjects = { ...fine, previous: { coarse: { run, result: ranked.items.map((item, index) => ({ itemId: String(item), score: ranked.scores[index], model: run.model })) } } };

function microseconds(action: () => unknown): number {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const from = performance.now();
    for (let index = 0; index < PER_ROUND; index += 1) action();
    return ((performance.now() - from) * 1_000) / PER_ROUND;
  });
  return rounds.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)]!;
}

const rows = Object.entries({ 'task': task, 'work (coarse)': work, 'outcome (candidates)': outcome, 'work (fine)': fine, 'work (fine), candidates as objects': asObjects }).map(([record, value]) => {
  const bytes = Buffer.from(JSON.stringify(value));
  return { record, bytes: bytes.length, writeMicroseconds: microseconds(() => JSON.stringify(value)), readMicroseconds: microseconds(() => JSON.parse(bytes.toString('utf8'))) };
});

if (flags.json) console.log(JSON.stringify({ machine: cpus()[0]?.model, rows }));
else {
  console.log(`${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}; medians of ${ROUNDS} rounds`);
  console.table(rows.map(({ writeMicroseconds, readMicroseconds, ...row }) => ({ ...row, 'write µs': writeMicroseconds.toFixed(1), 'read µs': readMicroseconds.toFixed(1) })));
}

import { DEAD_LETTER_HEADER, type Outcome } from '@tandem/schemas';
import { createMemoryCache, type Cache } from '@tandem/shared/cache';
import { TandemError } from '@tandem/shared/errors';
import type { LogRecord } from '@tandem/shared/log';
import type { StageOutput } from '@tandem/shared/runner';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { context, heldEngine, record, scoreOf, testLog, work, workerFactory } from './testing.ts';

const worker = workerFactory(onTestFinished);

const TOPIC = 't.work.lookup.fp32';
const ASSIGNED_AT = 1_000;
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** As Redis would: it outlives the workers. */
function sharedCache(over: Partial<Cache> = {}): Cache & { calls: string[] } {
  const memory = createMemoryCache();
  const calls: string[] = [];
  const note = <T>(name: string, result: Promise<T>) => (calls.push(name), result);
  return {
    shared: true, description: 'shared', calls,
    get: (key) => note('get', memory.get(key)),
    increment: (key, options) => note('increment', memory.increment(key, options)),
    delete: (key) => note('delete', memory.delete(key)),
    set: (...all) => memory.set(...all), setIfAbsent: (...all) => memory.setIfAbsent(...all),
    append: (...all) => memory.append(...all), deleteOwned: (owner) => memory.deleteOwned(owner), list: (key) => memory.list(key),
    close: async () => undefined, [Symbol.asyncDispose]: async () => undefined, ...over,
  };
}

const sourceOf = (id: number) => `t.requests/0/${id}`;

/** Work that was in the log when the partition was assigned. */
const old = (id: number, offset = id): LogRecord => ({ ...record(work(id, { source: sourceOf(id) })), offset, timestamp: ASSIGNED_AT - 1 });

async function assigned(cache: Cache, concurrency = 1) {
  const engine = heldEngine(concurrency);
  const stage = await worker({ engine, cache, log: { ...testLog, now: () => ASSIGNED_AT }, limits: { maxBatchSize: 4 } });
  stage.onAssigned?.([{ topic: TOPIC, partition: 0 }]);
  return { engine, stage };
}

/**
 * Lives of a process that dies whenever it runs a killer: each time a new one gets all records that have not been
 * answered. Gives the answers, and what was running at each death.
 */
async function liveOn(records: readonly LogRecord[], isKiller: (id: number) => boolean) {
  const cache = sharedCache();
  const answers = new Map<number, readonly StageOutput[]>();
  const deaths: number[][] = [];
  while (answers.size < records.length) {
    const { engine, stage } = await assigned(cache, 2);
    let alive = true;
    for (const one of records.filter(({ offset }) => !answers.has(offset))) {
      void Promise.resolve(stage.handle(one, context)).then((outputs) => alive && answers.set(one.offset, outputs));
    }
    const running = new Set<number>();
    for (let next = 0; alive && answers.size < records.length;) {
      for (let turns = 0; turns < 6; turns += 1) await turn();
      for (; next < engine.batches.length; next += 1) running.add(next);
      const ids = [...running].flatMap((batch) => engine.batches[batch]!.ids);
      if (ids.some(isKiller)) {
        alive = false;
        deaths.push(ids);
      } else {
        const [first] = running;
        if (first === undefined) continue;
        running.delete(first);
        engine.batches[first]!.end();
      }
    }
  }
  return { answers, deaths };
}

const outcomeOf = (outputs: readonly StageOutput[] | undefined) => JSON.parse(outputs![0]!.value as string) as Outcome;

test('the input that ends its process is given up after three runs, the last one alone; every other request is answered', async () => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 20 }), fc.uniqueArray(fc.nat(19), { maxLength: 3 }), async (count, chosen) => {
    const killers = new Set(chosen.filter((id) => id < count));
    const { answers, deaths } = await liveOn(Array.from({ length: count }, (_, id) => old(id)), (id) => killers.has(id));
    for (let id = 0; id < count; id += 1) {
      const outcome = outcomeOf(answers.get(id));
      if (!killers.has(id)) expect(scoreOf(outcome)).toBe(10 * id);
      else {
        expect(outcome).toMatchObject({ kind: 'failed', code: 'model_crash' });
        expect(answers.get(id)![1]).toMatchObject({ topic: 't.dead-letters', headers: { [DEAD_LETTER_HEADER.code]: 'model_crash', [DEAD_LETTER_HEADER.attempts]: '3' } });
        expect(deaths).toContainEqual([id]);
      }
    }
    expect(deaths.length).toBeLessThanOrEqual(3 * killers.size);
  }), { numRuns: 12 });
}, 60_000);

test('work that came after the assignment costs nothing', async () => {
  const cache = sharedCache();
  const { engine, stage } = await assigned(cache);
  const outcome = stage.handle({ ...record(work(1)), timestamp: ASSIGNED_AT + 1 }, context);
  await engine.began(1);
  engine.batches[0]!.end();
  await outcome;
  expect(cache.calls).toEqual([]);
});

test('a suspect is uncounted when it has ended, and the first time it shares batches', async () => {
  const cache = sharedCache();
  const { engine, stage } = await assigned(cache);
  const outcomes = Promise.all([1, 2, 3].map((id) => stage.handle(old(id), context)));
  await engine.began(1);
  expect(engine.batches[0]!.size).toBe(3);
  expect(await cache.get(`attempt:${sourceOf(2)}/look>${TOPIC}`)).toBe('1');
  engine.batches[0]!.end();
  await outcomes;
  for (const id of [1, 2, 3]) expect(await cache.get(`attempt:${sourceOf(id)}/look>${TOPIC}`)).toBeUndefined();
});

test('while the cache is away suspects run uncounted', async () => {
  const away = () => Promise.reject(new TandemError('away', { code: 'cache_unavailable', retryable: true }));
  const { engine, stage } = await assigned(sharedCache({ get: away, increment: away, delete: away }));
  const outcome = stage.handle(old(1), context);
  await engine.began(1);
  engine.batches[0]!.end();
  expect(scoreOf(outcomeOf(await outcome))).toBe(10);
});

test('a cache of the process itself is not asked: it dies with it', async () => {
  const cache = sharedCache();
  const { engine, stage } = await assigned({ ...cache, shared: false });
  const outcome = stage.handle(old(1), context);
  await engine.began(1);
  engine.batches[0]!.end();
  await outcome;
  expect(cache.calls).toEqual([]);
});

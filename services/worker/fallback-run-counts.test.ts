import { createMemoryCache, type Cache } from '@tandem/shared/cache';
import { TandemError } from '@tandem/shared/errors';
import { createEmbeddedLog, type EventLog } from '@tandem/shared/log';
import { expect, onTestFinished, test } from 'vitest';
import { runCountsOf } from './fallback-run-counts.ts';
import { LoggedRunCounts } from './logged-run-counts.ts';
import type { RunCounts } from './run-counts.ts';

/** As Redis: it outlives the processes, and can be away. */
class Shared {
  readonly memory = createMemoryCache();
  isAway = false;
  isFull = false;

  get cache(): Cache {
    return new Proxy(this.memory, {
      get: (cache, name) => {
        if (name === 'shared') return true;
        const value: unknown = Reflect.get(cache, name, cache);
        if (typeof value !== 'function') return value;
        return async (...all: unknown[]) => {
          if (this.isAway || (this.isFull && (name === 'increment' || name === 'set'))) throw new TandemError('away', { code: 'cache_unavailable', retryable: true });
          return Reflect.apply(value, cache, all) as unknown;
        };
      },
    });
  }
}

async function opened() {
  const log = createEmbeddedLog();
  onTestFinished(() => log.close());
  await log.admin.ensureTopics([{ name: 't.telemetry', partitions: 1, cleanup: 'compact', retentionMs: 3_600_000, maxRecordBytes: 1_000_000, timestamps: 'append', producer: '', consumer: '', schema: '', key: '' }]);
  const shared = new Shared();
  const looks = { count: 0 };
  const watched: Pick<EventLog, 'now' | 'read' | 'admin'> = {
    now: () => log.now(), admin: log.admin,
    read: (options) => {
      looks.count += 1;
      return log.read(options);
    },
  };
  /** A process that has just been given its partitions. */
  const process = async (): Promise<RunCounts> => {
    const producer = await log.producer();
    const logged = new LoggedRunCounts({ log: watched, prefix: 't.', instance: 'worker' });
    logged.start({ publish: async (outputs) => void (await producer.send(outputs)) });
    const counts = runCountsOf(shared.cache, logged)!;
    counts.refresh();
    return counts;
  };
  /** One that runs it and dies of it; gives which run that was. */
  const dies = async (key: string, counts?: RunCounts): Promise<number> => {
    const own = counts ?? await process();
    const attempt = await own.of(key) + 1;
    await own.begin([{ key, attempt }]);
    return attempt;
  };
  const notices = async () => (await log.admin.offsets('t.telemetry')).reduce((sum, { latest }) => sum + latest, 0);
  return { shared, process, dies, looks, notices };
}

test('while the cache is away runs are counted in the log', async () => {
  const { shared, process, dies } = await opened();
  shared.isAway = true;
  expect([await dies('killer'), await dies('killer'), await dies('killer')]).toEqual([1, 2, 3]);
  const survivor = await process();
  expect([await survivor.of('killer'), await survivor.of('other')]).toEqual([3, 0]);
});

test('while the cache answers, and is full, runs are counted in the log', async () => {
  const { shared, dies } = await opened();
  shared.isFull = true;
  expect([await dies('killer'), await dies('killer'), await dies('killer')]).toEqual([1, 2, 3]);
});

test('what ends well while the cache is away is not counted against anybody', async () => {
  const { shared, process } = await opened();
  shared.isAway = true;
  const first = await process();
  await first.begin([{ key: 'a', attempt: 1 }]);
  await first.end([{ key: 'a', attempt: 1 }]);
  expect(await (await process()).of('a')).toBe(0);
});

test('who has seen the cache away takes what the log has counted over to it, when it is back', async () => {
  const { shared, process, dies } = await opened();
  shared.isAway = true;
  await dies('killer');
  const next = await process();
  expect(await next.of('killer')).toBe(1);
  shared.isAway = false;
  expect(await dies('killer', next)).toBe(2);
  expect(await (await process()).of('killer')).toBe(2);
  expect(await dies('killer')).toBe(3);
});

test('what was counted in the cache before it went is counted once', async () => {
  const { shared, process, dies } = await opened();
  expect(await dies('killer')).toBe(1);
  const next = await process();
  expect(await next.of('killer')).toBe(1);
  shared.isAway = true;
  await next.begin([{ key: 'killer', attempt: 2 }]);
  const survivor = await process();
  expect(await survivor.of('killer')).toBe(2);
  shared.isAway = false;
  expect(await survivor.of('killer')).toBe(2);
});

test('a cache that answers costs the log nothing', async () => {
  const { process, dies, looks, notices } = await opened();
  expect([await dies('killer'), await dies('killer')]).toEqual([1, 2]);
  const counts = await process();
  await counts.begin([{ key: 'a', attempt: 1 }]);
  await counts.end([{ key: 'a', attempt: 1 }]);
  expect({ looks: looks.count, notices: await notices() }).toEqual({ looks: 0, notices: 0 });
});

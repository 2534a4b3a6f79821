import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ManualClock } from '@tandem/shared/clock';
import type { LogRecord } from '@tandem/shared/log';
import { compactId } from './compact-ids.ts';
import { Responder } from './responder.ts';

test('an answer for which the past has to be read is not overtaken by one that came later', async () => {
  const clock = new ManualClock(1_000_000);
  const written: string[] = [];
  let past = Promise.resolve();
  const log = {
    now: () => clock.now(),
    async *read(): AsyncGenerator<readonly LogRecord[]> {
      await past;
      yield [];
    },
    exclusiveWriter: () => Promise.reject(new Error('at least once there is none')),
  };
  const responder = new Responder({
    log, clock, topic: 't.responses', partition: 0, windowMs: 0, maxEntries: () => 1_000, transactionIntervalMs: undefined, tenure: () => undefined, onFault: () => undefined,
    publish: async (outputs) => void written.push(...outputs.map(({ value }) => String(value))),
  });
  const respond = (requestId: string, arrivedAt: number) =>
    responder.respond({ requestId, id: compactId(requestId, 't.requests/0/0'), arrivedAt, output: { topic: 't.responses', partition: 0, key: 'k', value: requestId } });
  await responder.lookBack(900_000);
  const read = Promise.withResolvers<void>();
  past = read.promise;
  const all = [respond('of long ago', 500_000), respond('of just now', 950_000)];
  await nextTurn();
  expect(written).toEqual([]);
  read.resolve();
  await Promise.all([...all, respond('later', 960_000)]);
  await respond('last', 970_000);
  expect(written).toEqual(['of long ago', 'of just now', 'later', 'last']);
  await responder.close();
});

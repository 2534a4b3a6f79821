import { HEADER } from '@tandem/schemas';
import type { EventLog } from '@tandem/shared/log';
import { expect, test } from 'vitest';
import { FairShare } from '../limits/fair-share.ts';
import { LookUps } from './look-up.ts';

const PLACE = { partition: 0, since: 0 };

test('however many ask, few read the log at once, and the next read when those are done', async () => {
  const gate = Promise.withResolvers<void>();
  let reading = 0;
  const record = { headers: { [HEADER.requestId]: 'mine' }, value: Buffer.from('{"requestId":"mine"}') };
  const read = async function* () {
    reading += 1;
    await gate.promise;
    yield [record];
  };
  const lookUps = new LookUps({ read } as unknown as Pick<EventLog, 'read'>, 't.', new FairShare({ capacity: 32, tenantShare: 0.8 }));
  const asked = Promise.allSettled(Array.from({ length: 100 }, () => lookUps.find('mine', PLACE, undefined)));
  await expect.poll(() => reading).toBe(32);
  gate.resolve();
  const [first, ...rest] = await asked;
  expect(first).toMatchObject({ status: 'fulfilled', value: { requestId: 'mine' } });
  expect(rest.filter(({ status }) => status === 'rejected')).toHaveLength(68);
  expect(rest.at(-1)).toMatchObject({ reason: { code: 'overload' } });
  expect(await lookUps.find('mine', PLACE, undefined)).toMatchObject({ requestId: 'mine' });
});

test('a provisional response is no answer', async () => {
  const provisional = { headers: { [HEADER.requestId]: 'mine', [HEADER.provisional]: 'true' }, value: Buffer.from('{"final":false}') };
  const final = { headers: { [HEADER.requestId]: 'mine' }, value: Buffer.from('{"final":true}') };
  const lookUps = (...batches: object[][]) => new LookUps({ read: async function* () { yield* batches; } } as unknown as Pick<EventLog, 'read'>, 't.', new FairShare({ capacity: 1, tenantShare: 1 }));
  expect(await lookUps([provisional]).find('mine', PLACE, undefined)).toBeUndefined();
  expect(await lookUps([provisional], [final]).find('mine', PLACE, undefined)).toEqual({ final: true });
});

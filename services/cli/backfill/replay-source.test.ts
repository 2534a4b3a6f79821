import { expect, onTestFinished, test } from 'vitest';
import { fixedTopics, topicName } from '@tandem/schemas';
import { ManualClock } from '@tandem/shared/clock';
import { createEmbeddedLog } from '@tandem/shared/log';
import { openReplay, parseReplay, resolveReplay } from './replay-source.ts';

const TOPIC = topicName('t.', 'requests');
const START = Date.UTC(2026, 10, 20, 22);

/** A log with a request a minute from 22:00 on, in turn on two partitions. */
async function past() {
  const clock = new ManualClock(START);
  const log = createEmbeddedLog({ clock });
  onTestFinished(() => log.close());
  await log.admin.ensureTopics(fixedTopics({ prefix: 't.', partitions: 2 }));
  const producer = await log.producer();
  for (let index = 0; index < 10; index += 1) {
    const value = index === 4 ? { cancel: true, requestId: 'r3', workload: 'w' } : { requestId: `r${index}`, workload: 'w', input: {} };
    await producer.send([{ topic: TOPIC, partition: index % 2, key: null, value: JSON.stringify(value) }]);
    clock.advance(60_000);
  }
  const replayed = async (from: string, to?: string) => {
    const source = openReplay(log, TOPIC, await resolveReplay(log, TOPIC, parseReplay(from, to)), `${from} to ${to ?? 'now'}`);
    const lines = [];
    for await (const some of source.lines(1_000)) lines.push(...some);
    return { source, lines, requests: lines.map(({ bytes }) => JSON.parse(bytes!.toString('utf8')) as { requestId: string; time: number }) };
  };
  return { replayed };
}

test('a span of time is what was appended in it, with the time at which it came, without what was taken back', async () => {
  const { replayed } = await past();
  const { requests, lines, source } = await replayed('2026-11-20T22:02Z', '2026-11-20T22:07Z');
  expect(requests.toSorted((a, b) => a.time - b.time).map(({ requestId, time }) => [requestId, time])).toEqual([
    ['r2', START + 120_000], ['r3', START + 180_000], ['r5', START + 300_000], ['r6', START + 360_000],
  ]);
  expect(lines.map(({ number }) => number)).toEqual([1, 2, 3, 4]);
  expect(lines[0]?.source).toBe(`${TOPIC}/0/1`);
  expect(source.progress()).toBe(1);
});

test('without an end it goes up to now; ranges of offsets include both ends', async () => {
  const { replayed } = await past();
  expect((await replayed('2026-11-20T22:08Z')).requests.map(({ requestId }) => requestId).toSorted()).toEqual(['r8', 'r9']);
  expect((await replayed('1:0-1,0:4-4')).requests.map(({ requestId }) => requestId)).toEqual(['r1', 'r3', 'r8']);
  expect((await replayed('2027-01-01T00:00Z')).requests).toEqual([]);
});

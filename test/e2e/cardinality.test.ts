import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { startTandem } from '../support/system.ts';
import { until } from '../support/until.ts';

const MARK = 'strange';
const KINDS = 12;

/** What a sender can make up, in every place; different each time. */
function strange(index: number): string {
  const id = `${MARK}-${randomUUID()}`;
  const request = { requestId: id, workload: 'recommend', userId: id, input: { history: ['1', '2'] }, hints: { deadlineMs: 60_000 } };
  const variants: object[] = [
    request, { ...request, workload: id }, { ...request, key: id }, { ...request, tier: id }, { ...request, hints: { task: id } }, { ...request, hints: { model: id, precision: id } },
    { ...request, input: { history: [id] } }, { ...request, [id]: 1 }, { ...request, input: { [id]: 1 } }, { ...request, time: id }, { cancel: true, requestId: id, workload: id },
  ];
  return index % KINDS === KINDS - 1 ? `{${id}` : JSON.stringify(variants[index % KINDS]);
}

test('whatever senders make up, there are no more series, and nothing of it is in them', async () => {
  await using tandem = await startTandem({ threads: '1' });
  const { client } = tandem;
  const { registry } = client.ports.metrics;
  const round = async () => {
    const [answered, letters] = [client.answered, client.deadLetters.length];
    await client.write('requests', Array.from({ length: 20 * KINDS }, (_, index) => strange(index)));
    await client.write('interactions', Array.from({ length: 50 }, () => JSON.stringify({ userId: `${MARK}-${randomUUID()}`, itemId: `${MARK}-${randomUUID()}`, time: 'yesterday' })));
    // Cancels of requests that are not there get no answer; the rest gets one, or is a dead letter.
    await until(() => client.answered - answered + client.deadLetters.length - letters >= 20 * (KINDS - 1) + 50, { timeoutMs: 60_000, what: () => `answers, got ${client.answered - answered} and ${client.deadLetters.length - letters} letters` });
    const text = await registry.metrics();
    return { text, series: text.split('\n').filter((line) => /^(?:tandem|messaging)_/.test(line)).map((line) => line.replace(/ \S+$/, '')) };
  };
  const first = await round();
  const second = await round();
  expect(first.series.length).toBeGreaterThan(200);
  expect(second.series.filter((series) => !first.series.includes(series) && !/_batch_|_queue_/.test(series))).toEqual([]);
  expect(second.text).not.toContain(MARK);
}, 150_000);

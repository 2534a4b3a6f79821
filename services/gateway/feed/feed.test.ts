import { HEADER, topicName, type Response } from '@tandem/schemas';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGatewayAndStages, type RunningGateway } from '../../../test/support/gateway.ts';
import { readPositions, writePositions } from './positions.ts';

let running: RunningGateway;

beforeAll(async () => {
  running = await startGatewayAndStages({}, { stages: [] });
});
afterAll(async () => running[Symbol.asyncDispose]());

async function respond(ids: readonly string[], workload = 'recommend'): Promise<void> {
  const response = (requestId: string): Partial<Response> => ({ requestId, workload, status: 'complete', final: true });
  await running.ports.producer.send(ids.map((id) => ({ topic: topicName(running.settings.prefix, 'responses'), key: id, value: JSON.stringify(response(id)) })));
}

interface Event {
  id: string;
  event: string;
  requestId: string | undefined;
}

/** A client that reads events until it has seen enough. */
async function open(query = '', headers: Record<string, string> = {}) {
  const leaving = new AbortController();
  const response = await fetch(`${running.gateway.url}/v1/stream${query}`, { headers, signal: leaving.signal });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const events: Event[] = [];
  const parse = (block: string): Event[] => {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? '';
    return field('event') === '' ? [] : [{ id: field('id'), event: field('event'), requestId: (JSON.parse(field('data')) as Partial<Response>).requestId }];
  };
  return {
    status: response.status, events,
    async until(isEnough: (events: Event[]) => boolean): Promise<void> {
      while (!isEnough(events)) {
        const { done, value = '' } = await reader.read();
        if (done) throw new Error('the stream ended');
        text += value;
        const blocks = text.split('\n\n');
        text = blocks.pop() ?? '';
        events.push(...blocks.flatMap(parse));
      }
    },
    leave: () => leaving.abort(),
  };
}

const ids = (events: readonly Event[]) => events.flatMap(({ requestId }) => requestId ?? []).toSorted();
const isCaughtUp = (events: readonly Event[]) => events.some(({ event }) => event === 'caught-up');

test('brings what is answered from now on, of the workload that is asked for', async () => {
  await respond(['before']);
  const stream = await open('?workload=recommend');
  await stream.until(isCaughtUp);
  await respond(['other'], 'classify');
  await respond(['a', 'b', 'c', 'd']);
  await stream.until((events) => ids(events).length === 4);
  expect(ids(stream.events)).toEqual(['a', 'b', 'c', 'd']);
  stream.leave();
});

test('brings provisional responses to those alone who ask for them', async () => {
  const [all, finals] = [await open('?provisional=true'), await open()];
  await Promise.all([all.until(isCaughtUp), finals.until(isCaughtUp)]);
  const response = (final: boolean) => ({ topic: topicName(running.settings.prefix, 'responses'), key: 'p', value: JSON.stringify({ requestId: 'p', workload: 'recommend', final }), headers: final ? {} : { [HEADER.provisional]: 'true' } });
  await running.ports.producer.send([response(false), response(true)]);
  await Promise.all([all, finals].map((stream) => stream.until((events) => events.some(({ event }) => event === 'response'))));
  expect([all, finals].map(({ events }) => events.map(({ event }) => event))).toEqual([['caught-up', 'provisional', 'response'], ['caught-up', 'response']]);
  all.leave();
  finals.leave();
});

test('goes on after the last event that a client saw: nothing twice, nothing left out', async () => {
  const first = await open();
  await first.until(isCaughtUp);
  await respond(['e1', 'e2', 'e3', 'e4', 'e5', 'e6']);
  await first.until((events) => ids(events).length >= 3);
  const seen = first.events.slice(0, first.events.findIndex(({ requestId }) => requestId !== undefined) + 3);
  first.leave();
  await respond(['missed1', 'missed2', 'missed3']);
  const second = await open('', { 'last-event-id': seen.at(-1)!.id });
  const all = () => ids([...seen, ...second.events]);
  await respond(['after']);
  await second.until(() => all().length >= 10);
  await second.until(isCaughtUp);
  expect(all()).toEqual(['after', 'e1', 'e2', 'e3', 'e4', 'e5', 'e6', 'missed1', 'missed2', 'missed3']);
  second.leave();
});

test('a workload that is none is refused, with what there is, and a name that cannot be one as well', async () => {
  const refusal = async (workload: string) => (await running.gateway.server.inject({ url: '/v1/stream', query: { workload }, headers: { host: 'localhost' } })).json<object>();
  expect(await refusal('recomend')).toMatchObject({ status: 404, code: 'unknown_workload', detail: expect.stringMatching(/^There is no workload recomend; there are .*classify, .*recommend/) });
  expect(await refusal('"')).toMatchObject({ status: 400, code: 'invalid_request' });
});

test('refuses an id that is not one of its own', async () => {
  const response = await running.gateway.server.inject({ url: '/v1/stream', headers: { host: 'localhost', 'last-event-id': '17; drop' } });
  expect(response.json()).toMatchObject({ status: 400, code: 'invalid_request' });
});

test('a look at the headers alone does not begin a stream', async () => {
  expect((await running.gateway.server.inject({ method: 'HEAD', url: '/v1/stream', headers: { host: 'localhost' } })).statusCode).toBe(404);
});

test('positions come back as they went out', () => {
  const positions = new Map([[0, 17], [3, 9_007_199_254_740]]);
  expect(readPositions(writePositions(positions))).toEqual(positions);
  expect(readPositions('1:2,x')).toBeUndefined();
});

import { expect, test } from 'vitest';
import { poissonArrivals } from '@tandem/shared/random';
import { burst } from './arrivals.ts';
import { OpenLoop, type DueRequest, type Offer } from './open-loop.ts';
import { seededRandom } from '@tandem/shared/random';
import { Traffic } from './traffic.ts';

const complete = Buffer.from('{"status":"complete"}');

function offer(over: Partial<Offer> = {}): Offer {
  const users = [{ userNumber: 1, preloaded: 0, items: Int32Array.from({ length: 5_000 }, (_, index) => index + 1), times: new Int32Array(5_000) }];
  const events = Array.from({ length: 4_000 }, (_, index) => ({ user: 0, position: index, task: undefined, at: index }));
  const traffic = new Traffic({ users, events, repeatShare: 0, seed: 1, judged: true, catalogueSize: 9_000 });
  return { traffic, arrivals: burst, seconds: Infinity, count: 10, task: 'full', deadlineMs: 45, quietMs: 50, ...over };
}

test('requests leave when they are due although nothing is answered', async () => {
  const dispatched: DueRequest[] = [];
  const loop = new OpenLoop(50, (requests) => void dispatched.push(...requests));
  const { figures } = await loop.offer(offer({ arrivals: poissonArrivals(2_000, seededRandom(1, 'x')), seconds: 0.3, count: Infinity }));
  expect(dispatched.length).toBeGreaterThan(480);
  expect(figures).toMatchObject({ offered: dispatched.length, answered: 0, inTimeShare: 0 });
});

test('a sender that was held up does not hide how long requests have waited', async () => {
  const loop: OpenLoop = new OpenLoop(50, (requests) => {
    const blockedUntil = performance.now() + 100;
    while (performance.now() < blockedUntil);
    for (const { number } of requests) loop.answered(number, complete);
  });
  const { figures } = await loop.offer(offer({ arrivals: poissonArrivals(200, seededRandom(1, 'x')), seconds: 0.3, count: Infinity }));
  expect(figures.answered).toBe(figures.offered);
  expect(figures.p99Ms).toBeGreaterThan(100);
  expect(figures.inTimeShare).toBeLessThan(0.1);
});

test('answers to an earlier offer are not counted for a later one', async () => {
  const numbers: number[] = [];
  const loop = new OpenLoop(50, (requests) => void numbers.push(...requests.map(({ number }) => number)));
  await loop.offer(offer());
  const second = loop.offer(offer({ quietMs: 200 }));
  for (const number of numbers.slice(0, 10)) loop.answered(number, complete);
  expect((await second).figures).toMatchObject({ offered: 10, answered: 0 });
  expect(new Set(numbers).size).toBe(20);
});

test('sending ends with the answer that was waited for, and a failure to send is an error', async () => {
  const loop: OpenLoop = new OpenLoop(50, ([first]) => loop.answered(first!.number, complete));
  let due = 0;
  const { figures } = await loop.offer(offer({ arrivals: { next: () => (due += 5) }, seconds: 60, count: Infinity, until: () => true }));
  expect(figures.offered).toBeLessThan(20);
  const broken: OpenLoop = new OpenLoop(50, () => broken.failed(new Error('away')));
  await expect(broken.offer(offer())).rejects.toThrow('could not send');
});

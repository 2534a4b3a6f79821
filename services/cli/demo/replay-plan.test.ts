import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { UserEvents } from './interactions.ts';
import { createReplayPlan, DRAWN_SHARE, isHeldOut, type ReplayPlan } from './replay-plan.ts';

function user(userNumber: number, events: number): UserEvents {
  const items = Int32Array.from({ length: events }, (_, index) => userNumber * 1_000 + index);
  return { userNumber, items, times: items.map((_, index) => 1_000 + index) };
}

const DATA = Array.from({ length: 300 }, (_, index) => user(index + 1, 20 + (index % 50)));
const HELD_OUT_EVENTS = DATA.filter(({ userNumber }) => isHeldOut(userNumber)).reduce((sum, { items }) => sum + items.length, 0);

const positionsByUser = ({ users, events }: ReplayPlan) =>
  users.map((_, index) => events.filter((event) => event.user === index).map(({ position }) => position));

test('the same seed gives the same plan, another seed another order', () => {
  const options = { events: 200, seed: 5 };
  expect(createReplayPlan(DATA, options)).toEqual(createReplayPlan(DATA, options));
  expect(createReplayPlan(DATA, options).events).not.toEqual(createReplayPlan(DATA, { events: 200, seed: 6 }).events);
});

test('only held-out users take part', () => {
  const { users } = createReplayPlan(DATA, { events: 300, seed: 1 });
  expect(users.length).toBeGreaterThan(10);
  expect(users.every(({ userNumber }) => userNumber % 10 === 0)).toBe(true);
});

test('whatever number is asked for, exactly so many are replayed: the last ones of each user, in order, without gaps', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: HELD_OUT_EVENTS }), fc.integer(), (events, seed) => {
      const plan = createReplayPlan(DATA, { events, seed });
      expect(plan.events).toHaveLength(events);
      positionsByUser(plan).forEach((positions, index) => {
        const { preloaded, items } = plan.users[index]!;
        expect(positions).toEqual(Array.from({ length: items.length - preloaded }, (_, n) => preloaded + n));
      });
    }),
    { numRuns: 50 },
  );
});

test('users give as many events as each other, but for one', () => {
  const counts = positionsByUser(createReplayPlan(DATA, { events: 400, seed: 1 })).map(({ length }) => length);
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
});

test('a short replay takes fewer users rather than one event of each', () => {
  expect(createReplayPlan(DATA, { events: 20, seed: 1 }).users).toHaveLength(4);
});

test('more events than there are is refused with the number that there are', () => {
  expect(() => createReplayPlan(DATA, { events: HELD_OUT_EVENTS + 1, seed: 1 })).toThrow(new RegExp(`at most ${HELD_OUT_EVENTS}`));
});

test('users are interleaved: neighbouring requests seldom belong to one user', () => {
  const { events } = createReplayPlan(DATA, { events: 600, seed: 1 });
  const sameAsBefore = events.filter(({ user }, index) => user === events[index - 1]?.user);
  expect(sameAsBefore.length / events.length).toBeLessThan(0.3);
});

test('arrival times rise and come to the mean rate exactly', () => {
  const { events } = createReplayPlan(DATA, { events: 500, seed: 1 });
  expect(events.every(({ at }, index) => at >= (events[index - 1]?.at ?? 0))).toBe(true);
  expect(events.at(-1)!.at).toBeCloseTo(500, 6);
});

test('kinds are drawn by lot in their shares, the rest is left to Tandem', () => {
  const { events } = createReplayPlan(DATA, { events: 1_200, seed: 1 });
  const share = (task: string | undefined) => events.filter((event) => event.task === task).length / events.length;
  for (const [task, expected] of Object.entries(DRAWN_SHARE)) expect(Math.abs(share(task) - expected)).toBeLessThan(0.05);
  expect(Math.abs(share(undefined) - 0.4)).toBeLessThan(0.05);
});

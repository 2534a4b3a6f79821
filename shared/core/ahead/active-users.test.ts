import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRandom, zipf } from '../../random/index.ts';
import { ActiveUsers } from './active-users.ts';

const HOUR_MS = 3_600_000;
const users = (over: { maxUsers?: number; freshForMs?: number } = {}) => new ActiveUsers<string>({ maxUsers: 100, freshForMs: HOUR_MS, random: seededRandom(1, 'users'), ...over });
const by = (userId: string, template = 'again', tenant?: string) => ({ userId, tenant, template });
const names = (taken: readonly { userId: string }[]) => taken.map(({ userId }) => userId);

describe('who is due', () => {
  test('is who has done something since his last request, the most active first, and once', () => {
    const active = users();
    for (const name of ['often', 'seldom', 'often', 'idle']) active.asked(by(name), 1, true);
    expect(active.take(10, 2)).toEqual([]);
    active.acted('seldom');
    active.acted('often');
    active.acted('stranger');
    expect(names(active.take(1, 3))).toEqual(['often']);
    expect(names(active.take(10, 3))).toEqual(['seldom']);
    expect(active.take(10, 4)).toEqual([]);
  });

  test('is not who has asked since: his request has computed it', () => {
    const active = users();
    active.asked(by('a'), 1, true);
    active.acted('a');
    active.asked(by('a', 'the newest'), 2, true);
    expect(active.take(10, 3)).toEqual([]);
    active.acted('a');
    expect(active.take(10, 3)).toEqual([expect.objectContaining({ template: 'the newest' })]);
  });

  test('is whose result is too old, for as long as he is expected back', () => {
    const active = users({ freshForMs: 300_000 });
    active.asked(by('a'), 0, true);
    expect(active.take(10, 299_999)).toEqual([]);
    expect(names(active.take(10, 300_000))).toEqual(['a']);
    expect(active.take(10, 2 * HOUR_MS)).toEqual([]);
  });

  test('is everybody when a worker begins with an empty memory, and who is remembered from before', () => {
    const active = users();
    active.asked(by('now'), 1, true);
    active.asked(by('before'), 1, false);
    expect(names(active.take(10, 2))).toEqual(['before']);
    active.allDue();
    expect(names(active.take(10, 2)).toSorted()).toEqual(['before', 'now']);
  });

  test('is told apart by tenant', () => {
    const active = users();
    active.asked(by('a', 'x', 'acme'), 1, true);
    active.asked(by('a', 'y', 'other'), 1, true);
    active.acted('a');
    expect(active.take(10, 2).map(({ tenant, template }) => [tenant, template])).toEqual([['acme', 'x'], ['other', 'y']]);
  });
});

test('who is forgotten is never asked for again, whatever happened around it', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  const event = fc.record({ kind: fc.constantFrom('asked' as const, 'acted' as const, 'forget' as const, 'take' as const), name, tenant: fc.constantFrom(undefined, 't') });
  fc.assert(fc.property(fc.array(event, { maxLength: 80 }), fc.integer({ min: 1, max: 4 }), (events, maxUsers) => {
    const active = users({ maxUsers });
    const forgotten = new Set<string>();
    events.forEach(({ kind, name: who, tenant }, now) => {
      if (kind === 'asked') {
        active.asked({ ...by(who), tenant }, now, false);
        forgotten.delete(who);
      } else if (kind === 'acted') active.acted(who);
      else if (kind === 'forget') {
        active.forget(who);
        forgotten.add(who);
      } else for (const { userId } of active.take(2, now)) expect(forgotten).not.toContain(userId);
      expect(active.size).toBeLessThanOrEqual(maxUsers);
    });
  }));
});

test('of many users, the most active have the places', () => {
  const active = users({ maxUsers: 100 });
  const draw = zipf(5_000, 1, seededRandom(3, 'draw'));
  for (let now = 0; now < 20_000; now += 1) active.asked(by(String(draw())), now, false);
  const held = new Set(names(active.take(100, 20_000)));
  expect(held.size).toBe(100);
  const top = Array.from({ length: 50 }, (_, rank) => String(rank));
  expect(top.filter((name) => held.has(name)).length).toBeGreaterThan(40);
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignCoPartitioned, type GroupAssignment, type GroupMember } from './assignment.ts';

const TOPICS = ['a', 'b', 'c'];
const counts = (partitions: number): Map<string, number> => new Map(TOPICS.map((topic) => [topic, partitions]));
const member = (id: string, owned: number[] = []): GroupMember => ({ id, topics: TOPICS, owned });
const numbersOf = (assignment: GroupAssignment, id: string): number[] => assignment.get(id)?.get('a') ?? [];

const scenario = fc.record({
  partitions: fc.integer({ min: 1, max: 32 }),
  members: fc.uniqueArray(fc.integer({ min: 0, max: 99 }), { minLength: 1, maxLength: 8 }),
  claims: fc.array(fc.array(fc.nat(40), { maxLength: 20 }), { minLength: 8, maxLength: 8 }),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer Value> ? Value : never;

const membersOf = ({ members, claims }: Scenario): GroupMember[] => members.map((id, index) => member(`m${id}`, claims[index] ?? []));

describe('the assignment', () => {
  it('gives every partition of every topic to exactly one member, the same number on the same member', () => {
    const check = (given: Scenario): void => {
      const assignment = assignCoPartitioned(membersOf(given), counts(given.partitions));
      const all = [...assignment.keys()].flatMap((id) => numbersOf(assignment, id)).sort((a, b) => a - b);
      expect(all).toEqual(Array.from({ length: given.partitions }, (_, number) => number));
      for (const topics of assignment.values()) for (const topic of TOPICS) expect(topics.get(topic)).toEqual(topics.get('a'));
    };
    fc.assert(fc.property(scenario, check));
  });

  it('is balanced to within one partition', () => {
    const check = (given: Scenario): void => {
      const assignment = assignCoPartitioned(membersOf(given), counts(given.partitions));
      const sizes = [...assignment.keys()].map((id) => numbersOf(assignment, id).length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    };
    fc.assert(fc.property(scenario, check));
  });

  it('changes nothing when nothing has changed', () => {
    const check = (given: Scenario): void => {
      const first = assignCoPartitioned(membersOf(given), counts(given.partitions));
      const again = given.members.map((id) => member(`m${id}`, numbersOf(first, `m${id}`))).reverse();
      expect(assignCoPartitioned(again, counts(given.partitions))).toEqual(new Map([...first].reverse()));
    };
    fc.assert(fc.property(scenario, check));
  });

  it('moves only what a newcomer gets', () => {
    const check = (given: Scenario): void => {
      const first = assignCoPartitioned(membersOf(given), counts(given.partitions));
      const staying = given.members.map((id) => member(`m${id}`, numbersOf(first, `m${id}`)));
      const second = assignCoPartitioned([...staying, member('newcomer')], counts(given.partitions));
      for (const { id, owned } of staying) for (const number of numbersOf(second, id)) expect(owned).toContain(number);
    };
    fc.assert(fc.property(scenario, check));
  });

  it('takes nothing from those who stay when a member goes', () => {
    const check = (given: Scenario): void => {
      const first = assignCoPartitioned([...membersOf(given), member('goer')], counts(given.partitions));
      const staying = given.members.map((id) => member(`m${id}`, numbersOf(first, `m${id}`)));
      const second = assignCoPartitioned(staying, counts(given.partitions));
      for (const { id, owned } of staying) expect(numbersOf(second, id)).toEqual(expect.arrayContaining([...owned]));
    };
    fc.assert(fc.property(scenario, check));
  });

  it('does not depend on the order in which members are named', () => {
    const check = (given: Scenario): void => {
      const members = membersOf(given);
      const forwards = assignCoPartitioned(members, counts(given.partitions));
      const backwards = assignCoPartitioned(members.toReversed(), counts(given.partitions));
      for (const { id } of members) expect(backwards.get(id)).toEqual(forwards.get(id));
    };
    fc.assert(fc.property(scenario, check));
  });

  it('gives a topic only to members that read it', () => {
    const members = [member('m1', [0, 1]), { id: 'm2', topics: ['a'], owned: [2, 3] }];
    const assignment = assignCoPartitioned(members, counts(4));
    expect(assignment.get('m2')).toEqual(new Map([['a', [2, 3]]]));
    expect(assignment.get('m1')?.get('b')).toEqual([0, 1, 2, 3]);
  });
});

import { expect, test } from 'vitest';
import { temporaryFolder } from '../../test/support/processes.ts';
import { BATCH_CONSUMERS, BY_DEADLINE, ladderContenders, ONE_BY_ONE, WHOLE } from './ladder-contenders.ts';

const names = (options: { quick: boolean; only?: readonly string[] }) => ladderContenders({ folder: temporaryFolder('tandem-ladder-'), ...options }).map(({ name }) => name);

test('the default policy has a row of its own, and nothing keeps a row from this version', () => {
  expect(names({ quick: false })).toContain(BY_DEADLINE);
  expect(ladderContenders({ folder: temporaryFolder('tandem-ladder-'), quick: false }).filter(({ unavailable }) => unavailable !== undefined)).toEqual([]);
});

test('a quick ladder has fewer rows, among them those of its ratios', () => {
  const quick = names({ quick: true });
  expect(quick).not.toContain(BY_DEADLINE);
  expect(quick).toEqual(expect.arrayContaining([ONE_BY_ONE, BATCH_CONSUMERS[1], WHOLE]));
});

test('who asks for rows by name is given those too that a quick ladder leaves out', () => {
  expect(names({ quick: true, only: ['deadline-aware'] })).toEqual(names({ quick: false }));
});

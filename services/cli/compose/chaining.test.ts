import { expect, test } from 'vitest';
import { parseChain, unitsOf } from './chaining.ts';

test.each([
  ['none', []],
  ['edge', ['classifier', 'scheduler', 'fusion']],
  ['all', ['classifier', 'scheduler', 'worker', 'fusion']],
  ['fusion+scheduler', ['scheduler', 'fusion']],
  ['scheduler+worker', ['scheduler', 'worker']],
])('the chain %s is %j', (text, stages) => expect(parseChain(text)).toEqual(stages));

test.each(['classifier+scheduler', 'worker+fusion', 'classifier+fusion', 'worker', ''])('"%s" is no chain: it would hand nothing over', (text) => {
  expect(() => parseChain(text)).toThrow(expect.objectContaining({ code: 'chain_invalid' }));
});

test('a process runs the chain as one where it has all of its stages, and each other stage by itself', () => {
  const all = ['classifier', 'scheduler', 'worker', 'fusion'] as const;
  expect(unitsOf(all, parseChain('edge'))).toEqual([['classifier', 'scheduler', 'fusion'], ['worker']]);
  expect(unitsOf(all, parseChain('none'))).toEqual([['classifier'], ['scheduler'], ['worker'], ['fusion']]);
  expect(unitsOf(['scheduler'], parseChain('edge'))).toEqual([['scheduler']]);
});

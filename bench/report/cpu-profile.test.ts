import { expect, test } from 'vitest';
import { callTree, partOf, selfTimes, type CpuProfile } from './cpu-profile.ts';
import { flameGraph } from './flame-graph.ts';

const frame = (functionName: string, url = '') => ({ functionName, url, lineNumber: 4 });
const profile: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame('(root)'), children: [2, 3, 4] },
    { id: 2, callFrame: frame('(idle)') },
    { id: 3, callFrame: frame('send', 'file:///x/node_modules/kafkajs/src/a.js'), children: [5] },
    { id: 4, callFrame: frame('(garbage collector)') },
    { id: 5, callFrame: frame('write<>', 'node:internal/stream') },
  ],
  samples: [2, 3, 5, 5, 4],
  timeDeltas: [1_000, 10, 20, 30, 40],
};

test('a call tree has self and total times, without idle ones', () => {
  const tree = callTree(profile);
  expect(tree.totalUs).toBe(100);
  expect(tree.children.find(({ name }) => name.startsWith('send'))).toMatchObject({ selfUs: 10, totalUs: 60 });
});

test('what came before a moment is left out', () => {
  expect(callTree(profile, 1_010).totalUs).toBe(90);
});

test('self times sum up by part of the system, most first', () => {
  expect(selfTimes(callTree(profile), 'part')).toEqual([
    { name: 'node:internal', share: 0.5 }, { name: '(garbage collector)', share: 0.4 }, { name: 'kafkajs', share: 0.1 },
  ]);
});

test('a part is a dependency, a Node module or a folder of ours', () => {
  const here = `file://${import.meta.dirname}`;
  expect(partOf(frame('f', `${here}/x.ts`))).toBe('bench/report');
  expect(partOf(frame('f', 'file:///a/node_modules/@scope/name/x.js'))).toBe('@scope/name');
  expect(partOf(frame('(program)'))).toBe('(program)');
});

test('a flame graph draws a box as wide as the time is long, with names escaped', () => {
  const svg = flameGraph('A stage', callTree(profile));
  expect(svg).toContain('width="720.0"');
  expect(svg).toContain('write&lt;&gt;');
  expect(svg.match(/<rect x=/g)).toHaveLength(4);
});

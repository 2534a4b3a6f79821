import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { cpuSecondsOf, parseStat, treeOf, type ProcessFigures } from './process-tree.ts';

test('reads time and memory behind a name that has parentheses and spaces', () => {
  const stat = '42 (a (b) c) S 7 42 42 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 11 0 100 1000000 256 18446744073709551615';
  expect(parseStat(42, stat, 'x')).toEqual({ pid: 42, parent: 7, cpuSeconds: 2, residentBytes: 256 * 4_096, command: 'x' });
});

test('a tree is the roots and everything that they have started, in any order', () => {
  const one = (pid: number, parent: number): ProcessFigures => ({ pid, parent, cpuSeconds: 1, residentBytes: 1, command: '' });
  const all = [one(5, 4), one(4, 2), one(2, 1), one(3, 1), one(9, 8)];
  expect(treeOf([2], all).map(({ pid }) => pid).sort()).toEqual([2, 4, 5]);
});

test.runIf(process.platform === 'linux')('counts what a child of a child computes', async () => {
  const busy = 'const end = process.cpuUsage().user + 300000; while (process.cpuUsage().user < end); console.log("done"); setInterval(() => {}, 1000)';
  const outer = `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(busy)}], { stdio: 'inherit' })`;
  const child = spawn(process.execPath, ['-e', outer], { stdio: ['ignore', 'pipe', 'ignore'] });
  await once(child.stdout, 'data');
  expect(cpuSecondsOf([child.pid!])).toBeGreaterThan(0.29);
  for (const { pid } of treeOf([child.pid!])) process.kill(pid, 'SIGKILL');
});

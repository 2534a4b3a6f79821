import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { NO_FAKETIME, canSkewClocks, clockAhead } from '../support/skewed-clock.ts';
import { HOURS_MS, expectUnharmed } from './clocks-apart.ts';

describe.skipIf(!canSkewClocks)(`stages on machines with different clocks${NO_FAKETIME}`, () => {
  test('a process is told another time, and counts durations as ever', () => {
    const before = Date.now();
    const code = 'const t = performance.now(); setTimeout(() => console.log(Date.now(), performance.now() - t), 50)';
    const [wall, tookMs] = execFileSync(process.execPath, ['-e', code], { env: { ...process.env, ...clockAhead(-HOURS_MS) }, encoding: 'utf8' }).split(' ').map(Number);
    expect(wall).toBeGreaterThanOrEqual(before - HOURS_MS);
    expect(wall).toBeLessThanOrEqual(Date.now() - HOURS_MS);
    expect(tookMs).toBeLessThan(HOURS_MS / 2);
  });

  /** The other directions, and an hour: clocks-apart.long.test.ts. */
  test.each([
    ['at-least-once', 5_000, 4_500], ['exactly-once', -5_000, 4_500],
  ] as const)('%s, clocks %i ms ahead and behind in turn: all is answered in time and once, also when processes die and come back with other clocks', { timeout: 480_000 }, expectUnharmed);
});

import { describe, test } from 'vitest';
import { NO_FAKETIME, canSkewClocks } from '../support/skewed-clock.ts';
import { HOURS_MS, expectUnharmed } from './clocks-apart.ts';

describe.skipIf(!canSkewClocks)(`stages on machines with different clocks${NO_FAKETIME}`, () => {
  // The last so far apart that no slowness of a machine looks like it.
  test.each([
    ['at-least-once', -5_000, 4_500], ['exactly-once', 5_000, 4_500], ['exactly-once', -HOURS_MS, 300_000],
  ] as const)('%s, clocks %i ms ahead and behind in turn: all is answered in time and once, also when processes die and come back with other clocks', { timeout: 480_000 }, expectUnharmed);
});

import { seededRandom } from './seeded-random.ts';
import { expect, it } from 'vitest';
import { zipf } from './zipf.ts';

it('draws each rank as often as Zipf says', () => {
  const draw = zipf(100, 1, seededRandom(1, 'zipf'));
  const counts = new Array<number>(100).fill(0);
  for (let count = 0; count < 100_000; count += 1) counts[draw()]! += 1;
  const harmonic = Array.from({ length: 100 }, (_, rank) => 1 / (rank + 1)).reduce((sum, share) => sum + share, 0);
  for (const rank of [0, 1, 9, 99]) {
    const expected = 100_000 / (rank + 1) / harmonic;
    expect(Math.abs(counts[rank]! - expected)).toBeLessThan(5 * Math.sqrt(expected));
  }
});

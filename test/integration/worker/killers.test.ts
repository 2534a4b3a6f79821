import { test } from 'vitest';
import { ABORTS, expectGivenUp, HANGS, REDIS_AWAY, type Deadly } from './deadly-input.ts';

const CASES: [what: string, deadly: Deadly, layout: string[]][] = [
  ['ends every process it meets', ABORTS, ['--workers', '2']],
  ['hangs every inference thread it meets', HANGS, ['--workers', '2', '--run-timeout-ms', '1000']],
];

/** With all stages in one process: killers.long.test.ts. */
test.concurrent.each(CASES)('an input that %s is given up; all other requests are answered and the pool lives on', (_, deadly, layout) => expectGivenUp(deadly, layout), 240_000);

test.concurrent('an input that ends every process it meets is given up where there is no Redis', () => expectGivenUp(ABORTS, ['--workers', '2'], null), 240_000);

test.concurrent('an input that ends every process it meets is given up while Redis is away', () => expectGivenUp(ABORTS, ['--workers', '2'], REDIS_AWAY), 240_000);

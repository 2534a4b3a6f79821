import { test } from 'vitest';
import { ABORTS, expectGivenUp, REDIS_AWAY } from './deadly-input.ts';

test.each([
  ['at-least-once', 'with Redis', undefined], ['exactly-once', 'with Redis', undefined],
  ['at-least-once', 'without Redis', null], ['exactly-once', 'without Redis', null], ['exactly-once', 'while Redis is away', REDIS_AWAY],
])('an input that ends every process it meets is given up where each process runs all stages, %s, %s', (delivery, _, redis) =>
  expectGivenUp(ABORTS, ['--chain', 'all', '--chains', '2', '--delivery', delivery], redis), 300_000);

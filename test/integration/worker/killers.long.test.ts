import { test } from 'vitest';
import { ABORTS, expectGivenUp, REDIS_AWAY } from './deadly-input.ts';

/** Without Redis a cluster has one classifier, so one process of all stages. */
test.each([
  ['2, at-least-once, with Redis', ['2', '--delivery', 'at-least-once'], undefined],
  ['2, exactly-once, with Redis', ['2', '--delivery', 'exactly-once'], undefined],
  ['2, exactly-once, while Redis is away', ['2', '--delivery', 'exactly-once'], REDIS_AWAY],
  ['1, at-least-once, without Redis', ['1', '--delivery', 'at-least-once'], null],
  ['1, exactly-once, without Redis', ['1', '--delivery', 'exactly-once'], null],
])('an input that ends every process it meets is given up where each process runs all stages: %s', (_, chains, redis) =>
  expectGivenUp(ABORTS, ['--chain', 'all', '--chains', ...chains], redis), 300_000);

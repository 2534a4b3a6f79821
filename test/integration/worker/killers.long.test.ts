import { test } from 'vitest';
import { ABORTS, expectGivenUp } from './deadly-input.ts';

test.each(['at-least-once', 'exactly-once'])('an input that ends every process it meets is given up where each process runs all stages, %s', (delivery) =>
  expectGivenUp(ABORTS, ['--chain', 'all', '--chains', '2', '--delivery', delivery]), 300_000);

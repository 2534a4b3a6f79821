import { test } from 'vitest';
import { expectWholeTraces } from './whole-traces.ts';

const layouts = [
  ['each stage by itself, as protobuf', 'http/protobuf', ['classifier', 'scheduler', 'fusion', 'worker']],
  ['all chained, as JSON', 'http/json', ['classifier+scheduler+worker+fusion']],
] as const;

/** With all but the workers chained: traces.long.test.ts. */
test.each(layouts)('a thousand requests are a thousand whole traces, though processes are killed and restarted: %s', (_, protocol, units) => expectWholeTraces(protocol, units), 480_000);

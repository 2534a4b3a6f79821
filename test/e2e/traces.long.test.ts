import { test } from 'vitest';
import { expectWholeTraces } from './whole-traces.ts';

test('a thousand requests are a thousand whole traces, though processes are killed and restarted: all but the workers chained', () => expectWholeTraces('http/json', ['classifier+scheduler+fusion', 'worker']), 480_000);

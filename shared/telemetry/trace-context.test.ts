import fc from 'fast-check';
import { expect, test } from 'vitest';
import { idsOf, isUnsampled, lotOf, lotOfTrace, readTraceContext, writeTraceContext } from './trace-context.ts';

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const ORIGIN = { partition: 1, offset: 2, timestamp: 3 };

test.each([
  ['', 'absent'], ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331', 'without flags'], [`ff${TRACEPARENT.slice(2)}`, 'a forbidden version'],
  [`00-${'0'.repeat(32)}-b7ad6b7169203331-01`, 'no trace'], [`00-0af7651916cd43dd8448eb211c80319c-${'0'.repeat(16)}-01`, 'no span'], [TRACEPARENT.toUpperCase(), 'capitals'],
])('a traceparent that is not valid begins a new trace: %s (%s)', (traceparent) => {
  expect(readTraceContext({ traceparent })).toBeUndefined();
});

test('a sender’s trace is read and written as it was, with its state', () => {
  const headers = { traceparent: TRACEPARENT, tracestate: 'a=1,b=2' };
  expect(writeTraceContext(readTraceContext(headers)!)).toEqual(headers);
  const unsampled = { traceparent: TRACEPARENT.replace(/01$/, '00') };
  expect(writeTraceContext(readTraceContext(unsampled)!)).toEqual(unsampled);
  expect(readTraceContext({ traceparent: `cc-${TRACEPARENT.slice(3)}-what-the-future-will-bring` })?.spanId).toBe('b7ad6b7169203331');
});

test.each([
  [TRACEPARENT, false], [TRACEPARENT.replace(/01$/, '00'), true], [TRACEPARENT.replace(/01$/, '02'), true], [TRACEPARENT.replace(/01$/, '0b'), false],
  [`00-${'0'.repeat(32)}-b7ad6b7169203331-00`, false], [`${TRACEPARENT.replace(/01$/, '00')}-more`, false], ['', false],
])('what a valid traceparent says of sampling is known without reading all of it: %s', (traceparent, expected) => {
  expect(isUnsampled({ traceparent }, false)).toBe(expected);
  if (expected) expect(readTraceContext({ traceparent })?.traceFlags).toBe(0);
});

test('without a traceparent nobody has decided yet', () => {
  expect(isUnsampled({}, false)).toBe(false);
  expect(isUnsampled({}, true)).toBe(false);
});

test('a record that comes again has the ids it had; any other has others', () => {
  const parent = readTraceContext({ traceparent: TRACEPARENT });
  const ids = idsOf('worker', 'work', parent, ORIGIN);
  expect(idsOf('worker', 'work', parent, { ...ORIGIN })).toEqual(ids);
  expect(ids.traceId).toBe(parent?.traceId);
  const others = [
    idsOf('fusion', 'work', parent, ORIGIN), idsOf('worker', 'tasks', parent, ORIGIN), idsOf('worker', 'work', undefined, ORIGIN),
    ...[{ partition: 9 }, { offset: 9 }, { timestamp: 9 }, { delivery: 2 }, { ordinal: 1 }].map((other) => idsOf('worker', 'work', parent, { ...ORIGIN, ...other })),
  ];
  expect(new Set([ids, ...others].map(({ spanId }) => spanId)).size).toBe(others.length + 1);
  for (const { traceId, spanId } of others) expect([traceId, spanId].join()).toMatch(/^[\da-f]{32},[\da-f]{16}$/);
});

test('whether a trace is sampled is decided by its first record’s place; its id says the same', () => {
  const origins = Array.from({ length: 20_000 }, (_, index) => ({ partition: index % 8, offset: 2 ** 33 + Math.floor(index / 8), timestamp: 1_764_000_000_000 + Math.floor(index / 50) }));
  const lots = origins.map(lotOf);
  for (const [index, origin] of origins.slice(0, 500).entries()) {
    const { traceId } = idsOf('classifier', 'requests', undefined, origin);
    expect(traceId).toMatch(/^[\da-f]{32}$/);
    expect(lotOfTrace(traceId)).toBe(lots[index]);
  }
  // Even, where records stand side by side: chi squared with 99 degrees of freedom, at one in 10,000.
  const counts = Array.from({ length: 100 }, () => 0);
  for (const lot of lots) counts[Math.floor((lot * 100) / 2 ** 32)]! += 1;
  expect(counts.reduce((sum, count) => sum + (count - 200) ** 2 / 200, 0)).toBeLessThan(161);
});

/** Nearly right ones, cut and with a character changed, and texts that are nothing of the kind. */
const texts = fc.oneof(
  fc.tuple(fc.constantFrom(TRACEPARENT, TRACEPARENT.replace(/01$/, '00'), `cc-${TRACEPARENT.slice(3)}-more`), fc.nat(), fc.string({ unit: 'binary', maxLength: 2 }), fc.nat())
    .map(([whole, at, other, length]) => (whole.slice(0, at % whole.length) + other + whole.slice((at % whole.length) + other.length)).slice(0, length % (2 * whole.length))),
  fc.string({ unit: 'binary' }), fc.constantFrom(TRACEPARENT, ''),
);
const states = fc.oneof(fc.string({ unit: 'binary' }), fc.array(fc.tuple(fc.string(), fc.string()), { maxLength: 60 }).map((all) => all.map((pair) => pair.join('=')).join(',')), fc.constant('a=1,b=2'));

test('whatever a sender says in its headers is read as a trace or as none; what is written of it is valid and says the same', () => {
  fc.assert(fc.property(texts, fc.option(states, { nil: undefined }), (traceparent, tracestate) => {
    const headers = tracestate === undefined ? { traceparent } : { traceparent, tracestate };
    const context = readTraceContext(headers);
    if (isUnsampled(headers, false)) expect(context?.traceFlags).toBe(0);
    if (context === undefined) return;
    const written = writeTraceContext(context);
    expect(written['traceparent']).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-0[01]$/);
    expect(written['tracestate']?.length ?? 0).toBeLessThanOrEqual(512);
    const again = readTraceContext(written);
    expect(again).toMatchObject({ traceId: context.traceId, spanId: context.spanId, traceFlags: context.traceFlags });
    expect(writeTraceContext(again!)).toEqual(written);
  }), { numRuns: 1_000 });
});

import fc from 'fast-check';
import { Counter as LibraryCounter, Histogram as LibraryHistogram, Registry, type OpenMetricsContentType } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { expose } from '../exposition.ts';
import { ByLabels } from './by-labels.ts';
import { Counter } from './counter.ts';
import { Histogram } from './histogram.ts';

const labels = fc.record({ stage: fc.constantFrom('a', 'b', 1, '1'), topic: fc.constantFrom('x', 'y') }, { requiredKeys: ['stage'] }) as fc.Arbitrary<Partial<Record<'stage' | 'topic', string>>>;
const common = { name: 'x_total', help: 'x', labelNames: ['stage', 'topic'] as ('stage' | 'topic')[] };
const sorted = (text: string) => text.split('\n').sort();

/** What is scraped of ours and of the library's, half-way and at the end. */
async function scraped<Event>(events: readonly Event[], tell: (event: Event, own: boolean) => void, registries: readonly Registry<never>[]): Promise<void> {
  const half = Math.floor(events.length / 2);
  for (const some of [events.slice(0, half), events.slice(half)]) {
    for (const event of some) [true, false].forEach((own) => tell(event, own));
    const [own, library] = await Promise.all(registries.map((registry) => registry.metrics()));
    expect(sorted(own!)).toEqual(sorted(library!));
  }
}

test('counters are scraped as the library’s are', async () => {
  const events = fc.array(fc.tuple(labels, fc.constantFrom(0, 1, 2.5, undefined), fc.boolean()), { maxLength: 12 });
  await fc.assert(fc.asyncProperty(events, async (some) => {
    const registries = [new Registry(), new Registry()];
    const [own, library] = [new Counter({ ...common, registers: [registries[0]!] }), new LibraryCounter({ ...common, registers: [registries[1]!] })];
    await scraped(some, ([values, value, isKept], isOwn) => (isOwn && isKept ? own.series(values).add(value) : (isOwn ? own : library).inc(values, value)), registries as Registry<never>[]);
  }));
});

test('histograms are scraped as the library’s are', async () => {
  const buckets = [0.5, 1, 2];
  const events = fc.array(fc.tuple(labels, fc.constantFrom(-1, 0, 0.5, 0.75, 2, 3), fc.boolean()), { maxLength: 12 });
  await fc.assert(fc.asyncProperty(events, async (some) => {
    const registries = [new Registry(), new Registry()];
    const own = new Histogram({ ...common, buckets, registers: [registries[0]!] });
    const library = new LibraryHistogram({ ...common, buckets, registers: [registries[1]!] });
    await scraped(some, ([values, value, isKept], isOwn) => (isOwn && isKept ? own.series(values).observe(value) : (isOwn ? own : library).observe(values, value)), registries as Registry<never>[]);
  }));
});

test('an exemplar stands at its bucket until the next one there', async () => {
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const histogram = new Histogram({ ...common, name: 'x', buckets: [1], registers: [registry] });
  const observe = (value: number, exemplarLabels?: Record<string, string>) => histogram.observe({ labels: { stage: 'a' }, value, ...(exemplarLabels === undefined ? {} : { exemplarLabels }) });
  observe(0.5, { trace: 'first' });
  observe(0.5, { trace: 'second' });
  observe(0.5);
  observe(7, { trace: 'large' });
  const text = await registry.metrics();
  expect(text).toMatch(/^x_bucket\{le="1",stage="a"\} 3 # \{trace="second"\} 0.5 \d/m);
  expect(text).toMatch(/^x_bucket\{le="\+Inf",stage="a"\} 4 # \{trace="large"\} 7 \d/m);
  expect(text).not.toContain('first');
});

describe('without labels', () => {
  test('there is one series', async () => {
    const registry = new Registry();
    const counter = new Counter({ name: 'n_total', help: 'n', registers: [registry] });
    const histogram = new Histogram({ name: 'h', help: 'h', buckets: [1], registers: [registry] });
    counter.inc();
    counter.inc(2);
    histogram.observe({}, 1);
    const { text } = await expose(registry);
    expect(text).toContain('n_total 3');
    expect(text).toContain('h_bucket{le="1"} 1');
    expect(text).toContain('h_sum 1');
  });
});

test('a series that somebody keeps is shown from the first count on', async () => {
  const registry = new Registry();
  const counter = new Counter({ ...common, registers: [registry] }).series({ stage: 'a' });
  const histogram = new Histogram({ ...common, name: 'x', buckets: [1], registers: [registry] }).series({ stage: 'a' });
  expect((await expose(registry)).text).not.toContain('stage');
  counter.add();
  histogram.observe(0.5);
  const { text } = await expose(registry);
  expect(text).toContain('x_total{stage="a"} 1');
  expect(text).toContain('x_sum{stage="a"} 0.5');
});

test.each([Infinity, -1])('a counter refuses %d, as the library does', (value) => {
  const counter = new Counter({ ...common, registers: [] });
  expect(() => counter.inc({ stage: 'a' }, value)).toThrow();
  expect(() => counter.series({ stage: 'a' }).add(value)).toThrow();
});

test.each([NaN, Infinity])('a histogram refuses %d', (value) => {
  expect(() => new Histogram({ ...common, buckets: [1], registers: [] }).observe({ stage: 'a' }, value)).toThrow('finite');
});

test('a label that nobody announced is refused', () => {
  const kept = new ByLabels(['stage'], (values) => values);
  expect(() => kept.of({ stag: 'a' })).toThrow('there is no label stag; there are stage');
  expect(() => new Counter({ ...common, registers: [] }).inc({ other: 'a' } as never)).toThrow('no label other');
});

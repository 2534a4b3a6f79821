import type { Mark, PlanStep, RankedItems, RecommendFeatures, StrategyName, Variant, Work } from '@tandem/schemas';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TensorView } from '../../engine/types.ts';
import { recommendAdapter } from './index.ts';
import { servedLength } from './recommend/window.ts';
import type { UserHistory } from './types.ts';

const graph = { file: 'x.onnx', sha256: '0'.repeat(64), bytes: 1, inputs: {}, outputs: {} };

function variant(graphs: string[], over: Partial<Variant> = {}): Variant {
  return {
    model: 'm', precision: 'fp32', version: '1', status: 'stable', adapter: 'recommend', lineage: {},
    limits: { window: 64, maxLength: 128 }, catalogue: { items: 100, popular: [5, 6, 7, 8] },
    accuracy: { metric: 'ndcgAt10', value: 1, others: {}, data: 'none', date: '2026-01-01' },
    graphs: Object.fromEntries(graphs.map((name) => [name, graph])), ...over,
  };
}

const small = variant(['candidates']);
const large = variant(['rank', 'catalogue']);

function features(over: Partial<RecommendFeatures> = {}): RecommendFeatures {
  const history = over.history ?? [1, 2, 3];
  return { history, total: history.length, limit: 10, ...over };
}

const RUN = { model: 's', precision: 'fp32', version: '1', batchSize: 1, queueMs: 0, computeMs: 1, reason: '' };

interface WorkOver {
  previous?: Work['previous'];
  step?: string;
  strategy?: StrategyName;
}

function work(input: RecommendFeatures, { previous = {}, step = 'fine', strategy = 'rerank' }: WorkOver = {}): Work {
  const plan: PlanStep[] = [
    { id: 'coarse', role: 'coarse', model: 's', after: [], required: false },
    { id: 'fine', role: 'fine', model: 'm', after: ['coarse'], required: false },
  ];
  return {
    step, model: 'm', precision: 'fp32', reason: '', dispatchedAt: 0, previous,
    task: {
      requestId: 'r', workload: 'w', key: 'k', lane: 'interactive', task: 'full', tier: 'standard', arrivedAt: 0, deadlineAt: null,
      accuracyFloor: null, activity: 0, input, source: 's', marks: [], plan: { id: 'p', strategy, steps: plan },
    },
  };
}

function prepare(input: object, history?: UserHistory, options: Record<string, unknown> = {}) {
  const prepared = recommendAdapter.prepare(recommendAdapter.inputSchema.parse(input), { history, options, variants: [small, large] });
  return { ...prepared, features: prepared.features as RecommendFeatures };
}

const ints = (dims: number[]): TensorView => ({ dims, data: new Int32Array(dims.reduce((product, size) => product * size, 1)) });
const floats = (dims: number[], values: number[]): TensorView => ({ dims, data: Float32Array.from(values) });
const rows = ({ dims, data }: TensorView) => Array.from({ length: dims[0]! }, (_, row) => [...data.subarray(row * dims[1]!, (row + 1) * dims[1]!)]);

/** The tensors that a batch becomes. */
function encode(graphName: string, batch: Work[], model: Variant) {
  const { batch: size, length, candidates, excluded } = recommendAdapter.dimensions(graphName, batch, model);
  const inputs: Record<string, TensorView> = { history: ints([size!, length!]) };
  if (graphName === 'rank') inputs['candidates'] = ints([size!, candidates!]);
  else inputs['exclude'] = ints([size!, excluded!]);
  recommendAdapter.encode(graphName, batch, inputs, model);
  return Object.fromEntries(Object.entries(inputs).map(([name, view]) => [name, rows(view)]));
}

const decode = (graphName: string, batch: Work[], outputs: Record<string, TensorView>, model: Variant) =>
  recommendAdapter.decode(graphName, batch, outputs, model) as RankedItems[];

describe('preparing a request', () => {
  it('turns ids into the catalogue’s integers', () => {
    expect(prepare({ history: ['3', '1', '100'], limit: 5 })).toEqual({ features: { history: [3, 1, 100], total: 3, limit: 5 }, marks: [], hasCandidates: false, length: 3 });
  });

  it('uses what is known of the user where the request gives no history, and lets the request win', () => {
    const known = { items: ['7', '8'], total: 500 };
    expect(prepare({}, known).features).toEqual({ history: [7, 8], total: 500, limit: 10 });
    expect(prepare({ history: ['9'] }, known).features).toMatchObject({ history: [9], total: 1 });
  });

  it.each<[string, object, UserHistory | undefined, number[], Mark[]]>([
    ['nothing is known', {}, undefined, [], ['unknown_user']],
    ['the history is empty', { history: [] }, { items: ['1'], total: 1 }, [], ['unknown_user']],
    ['some items are unknown', { history: ['1', '101', 'abc', '0', '-1', '1e1', '01', '2'] }, undefined, [1, 2], ['unknown_items_dropped']],
    ['all items are unknown', { history: ['101'] }, undefined, [], ['unknown_user', 'unknown_items_dropped']],
  ])('marks the request where %s', (_, input, known, history, marks) => {
    const prepared = prepare(input, known);
    expect(prepared.features.history).toEqual(history);
    expect(prepared.features.total).toBe(history.length);
    expect(prepared.marks).toEqual(marks);
  });

  it('keeps the newest items, more than any window, and counts all', () => {
    const ids = Array.from({ length: 1_000 }, (_, index) => String((index % 100) + 1));
    const { features: { history, total } } = prepare({ history: ids });
    expect(history).toHaveLength(256);
    expect(history.at(-1)).toBe(100);
    expect(total).toBe(1_000);
    expect(prepare({ history: ids }, undefined, { historyLimit: 10 }).features.history).toHaveLength(10);
  });

  it('takes a sender’s own candidates, once each, with their scores where all have one', () => {
    const scored = prepare({ history: ['1'], candidates: [{ itemId: '4', score: 2 }, { itemId: '5', score: 1 }, { itemId: '4', score: 0 }] });
    expect(scored).toMatchObject({ hasCandidates: true, features: { candidates: [4, 5], candidateScores: [2, 1] } });
    const mixed = prepare({ history: ['1'], candidates: ['4', { itemId: '5', score: 1 }] });
    expect(mixed.features).toMatchObject({ candidates: [4, 5] });
    expect(mixed.features).not.toHaveProperty('candidateScores');
  });

  it('drops unknown candidates, refuses a list of nothing else, and takes an empty list as none', () => {
    expect(prepare({ history: ['1'], candidates: ['4', '999'] })).toMatchObject({ features: { candidates: [4] }, marks: ['unknown_items_dropped'] });
    expect(() => prepare({ candidates: ['999', 'x'] })).toThrow(expect.objectContaining({ code: 'unknown_item' }));
    expect(prepare({ history: ['1'], candidates: [] })).toMatchObject({ hasCandidates: false });
  });
});

describe('the served window', () => {
  it.each([[0, 0], [1, 1], [128, 128], [129, 65], [191, 127], [192, 64], [193, 65], [1_000, 104]])('of %i interactions serves the newest %i', (known, served) => {
    expect(servedLength(features({ history: new Array<number>(256).fill(1).slice(0, known), total: known }), large)).toBe(served);
  });

  it('grows by one item at a time, or starts again from the last W', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 5_000 }), (known) => {
      const at = (total: number) => servedLength(features({ history: new Array<number>(256).fill(1).slice(0, total), total }), large);
      const grown = at(known + 1);
      expect(grown === at(known) + 1 || grown === 64 || grown === 65).toBe(true);
      expect(grown).toBeLessThanOrEqual(128);
    }));
  });
});

describe('encoding', () => {
  it('pads histories to the longest of the batch and excludes what is older than the window', () => {
    const short = variant(['candidates'], { limits: { window: 2, maxLength: 3 } });
    const batch = [work(features({ history: [1, 2, 3, 4, 5] })), work(features({ history: [9] })), work(features({ history: [] }))];
    expect(encode('candidates', batch, short)).toEqual({ history: [[3, 4, 5], [9, 0, 0], [1, 0, 0]], exclude: [[1, 2], [0, 0], [0, 0]] });
  });

  it('ranks what the step before found, else what the sender gave, else the catalogue', () => {
    const given = features({ candidates: [7, 8] });
    const after = work(given, { previous: { coarse: { kind: 'completed', run: RUN, result: { items: [4, 5, 6], scores: [3, 2, 1] } } } });
    expect(recommendAdapter.shape(after, large)).toEqual({ graph: 'rank', length: 3 });
    expect(encode('rank', [after, work(given)], large)['candidates']).toEqual([[4, 5, 6], [7, 8, 0]]);
    expect(recommendAdapter.shape(work(features()), large).graph).toBe('catalogue');
    expect(recommendAdapter.shape(work(given), small)).toEqual({ graph: 'candidates', length: 1 });
  });
});

describe('decoding', () => {
  it('sorts a ranking by score, ties in the order given, cut to the limit', () => {
    const batch = [work(features({ candidates: [4, 5, 6, 7], limit: 3 })), work(features({ candidates: [8], limit: 3 }))];
    const scores = floats([2, 4], [1, 3, 1, 2, 9, -1, -1, -1]);
    expect(decode('rank', batch, { scores }, large)).toEqual([{ items: [5, 7, 4], scores: [3, 2, 1] }, { items: [8], scores: [9] }]);
  });

  it('gives the best of any list, as sorting all of it would', () => {
    const scoresOf = fc.array(fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constant(NaN)), { minLength: 1, maxLength: 40 });
    fc.assert(fc.property(fc.array(scoresOf, { minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 12 }), (rowsOfScores, limit) => {
      const width = Math.max(...rowsOfScores.map(({ length }) => length));
      const all = rowsOfScores.map((scores) => [...scores, 100].map((score, index) => ({ item: index + 1, score })));
      const batch = all.map((row) => work(features({ candidates: row.map(({ item }) => item), limit })));
      const padded = all.flatMap((row) => [...row.map(({ score }) => score), ...new Array<number>(width + 1 - row.length).fill(50)]);
      const expected = all.map((row) => row.filter(({ score }) => !Number.isNaN(score)).toSorted((a, b) => b.score - a.score).slice(0, limit));
      const decoded = decode('rank', batch, { scores: floats([all.length, width + 1], padded) }, large);
      expect(decoded.map(({ items }) => items)).toEqual(expected.map((row) => row.map(({ item }) => item)));
      expect(decoded.map(({ scores }) => scores)).toEqual(expected.map((row) => row.map(({ score }) => score)));
    }));
  });

  it('keeps the whole list where a later step or a blend needs it', () => {
    const candidates = Array.from({ length: 50 }, (_, index) => index + 1);
    const scores = floats([1, 50], candidates.map((item) => 100 - item));
    const lengthFor = (over: WorkOver) => decode('rank', [work(features({ candidates }), over)], { scores }, large)[0]!.items.length;
    expect([lengthFor({}), lengthFor({ step: 'coarse' }), lengthFor({ strategy: 'reciprocal-rank' })]).toEqual([10, 50, 50]);
  });

  it('gives the candidates of the small model with its confidence, without padding', () => {
    const outputs = { items: { dims: [1, 4], data: Int32Array.of(9, 8, 0, 7) }, scores: floats([1, 4], [3, 2, 1, -Infinity]), confidence: floats([1], [0.123_456_78]) };
    expect(decode('candidates', [work(features())], outputs, small)).toEqual([{ items: [9, 8], scores: [3, 2], confidence: 0.123_46 }]);
  });

  it('writes scores short, and in the same order', () => {
    fc.assert(fc.property(fc.array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1_000, max: 1_000 }), { minLength: 1, maxLength: 30 }), (values) => {
      const candidates = values.map((_, index) => index + 1);
      const [{ items, scores }] = decode('rank', [work(features({ candidates, limit: 100 }))], { scores: floats([1, values.length], values) }, large) as [RankedItems];
      const largest = Math.max(...values.map(Math.abs));
      items.forEach((item, index) => expect(Math.abs(scores[index]! - values[item - 1]!)).toBeLessThanOrEqual(largest * 1e-4));
      expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    }));
  });

  it('reads float16 outputs', () => {
    const scores = { dims: [1, 2], data: Uint16Array.of(0x3c00, 0xc000) };
    expect(decode('rank', [work(features({ candidates: [4, 5] }))], { scores }, large)).toEqual([{ items: [4, 5], scores: [1, -2] }]);
  });

  it('keeps a given list’s order for a user without history, and gives popular items where there is no list', () => {
    const nobody = { history: [], total: 0 };
    const batch = [
      work(features({ ...nobody, candidates: [9, 4], candidateScores: [0.7, 0.6] })),
      work(features({ ...nobody, candidates: [9, 4] })),
    ];
    expect(decode('rank', batch, { scores: floats([2, 2], [NaN, NaN, NaN, NaN]) }, large)).toEqual([{ items: [9, 4], scores: [0.7, 0.6] }, { items: [9, 4], scores: [1, 0.5] }]);
    const outputs = { items: { dims: [1, 1], data: Int32Array.of(50) }, scores: floats([1, 1], [1]) };
    expect(decode('catalogue', [work(features(nobody))], outputs, large)).toEqual([{ items: [5, 6, 7, 8], scores: [1, 0.75, 0.5, 0.25] }]);
  });

  it('refuses scores that are not numbers: an empty answer would hide a broken model', () => {
    expect(() => decode('rank', [work(features({ candidates: [1] }))], { scores: floats([1, 1], [NaN]) }, large)).toThrow('finite');
  });
});

describe('answers without a model, and presenting', () => {
  it('falls back to popular items that the user does not have, or to the sender’s list', () => {
    expect(recommendAdapter.fallback(features({ history: [5, 7], limit: 3 }), [large])).toEqual({ items: [6, 8], scores: [1, 0.5] });
    expect(recommendAdapter.fallback(features({ candidates: [3, 2] }), [large])).toEqual({ items: [3, 2], scores: [1, 0.5] });
    expect(recommendAdapter.fallback(features(), [variant([], { catalogue: { items: 9, popular: [] } })])).toBeUndefined();
  });

  it('presents items as strings with scores, no more than asked for', () => {
    expect(recommendAdapter.present({ items: [3, 2, 1], scores: [3, 2, 1] }, features({ limit: 2 }))).toEqual({ items: [{ itemId: '3', score: 3 }, { itemId: '2', score: 2 }] });
  });
});

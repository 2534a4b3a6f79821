import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compactId, CompactIds } from './compact-ids.ts';

test('knows exactly the ids that were added, and by which source each was first', () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.string(), fc.string({ minLength: 1 }))), fc.array(fc.string()), (added, asked) => {
    const ids = new CompactIds();
    const model = new Map<string, string>();
    for (const [id, source] of added) {
      ids.add(compactId(id, source));
      if (!model.has(id)) model.set(id, source);
    }
    expect(ids.size).toBe(model.size);
    for (const id of [...asked, ...model.keys()]) {
      const source = model.get(id);
      expect(ids.stateOf(compactId(id, 'elsewhere'))).toBe(source === undefined ? 'unknown' : source === 'elsewhere' ? 'same' : 'other');
      expect(ids.stateOf(compactId(id, source ?? ''))).toBe(source === undefined ? 'unknown' : 'same');
    }
  }));
});

test('keeps a hundred thousand ids apart', () => {
  const ids = new CompactIds();
  for (let index = 0; index < 100_000; index += 1) ids.add(compactId(`request-${index}`, `t/0/${index}`));
  expect(ids.size).toBe(100_000);
  const states = [['request-99999', 't/0/99999'], ['request-100000', 't/0/100000'], ['request-7', 't/0/7'], ['request-7', 't/0/8']] as const;
  expect(states.map(([id, source]) => ids.stateOf(compactId(id, source)))).toEqual(['same', 'unknown', 'same', 'other']);
});

test('an id whose source is not known belongs to any', () => {
  const ids = new CompactIds();
  ids.add(compactId('old', ''));
  expect(ids.stateOf(compactId('old', 't/0/1'))).toBe('same');
  ids.add(compactId('new', 't/0/1'));
  expect(ids.stateOf(compactId('new', ''))).toBe('same');
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CompactIds } from './compact-ids.ts';

test('knows exactly the ids that were added, and by which source each was first', () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.string(), fc.string({ minLength: 1 }))), fc.array(fc.string()), (added, asked) => {
    const ids = new CompactIds();
    const model = new Map<string, string>();
    for (const [id, source] of added) {
      ids.add(id, source);
      if (!model.has(id)) model.set(id, source);
    }
    expect(ids.size).toBe(model.size);
    for (const id of [...asked, ...model.keys()]) {
      expect(ids.has(id)).toBe(model.has(id));
      expect(ids.hasOther(id, 'elsewhere')).toBe(model.has(id) && model.get(id) !== 'elsewhere');
      expect(ids.hasOther(id, model.get(id) ?? '')).toBe(false);
    }
  }));
});

test('keeps a hundred thousand ids apart', () => {
  const ids = new CompactIds();
  for (let index = 0; index < 100_000; index += 1) ids.add(`request-${index}`, `t/0/${index}`);
  expect(ids.size).toBe(100_000);
  expect(ids.has('request-99999')).toBe(true);
  expect(ids.has('request-100000')).toBe(false);
  expect(ids.hasOther('request-7', 't/0/7')).toBe(false);
  expect(ids.hasOther('request-7', 't/0/8')).toBe(true);
});

test('an id whose source is not known belongs to any', () => {
  const ids = new CompactIds();
  ids.add('old', '');
  expect(ids.has('old')).toBe(true);
  expect(ids.hasOther('old', 't/0/1')).toBe(false);
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseWithIdLists } from './id-lists.ts';

const id = fc.stringMatching(/^[\w.-]{1,14}$/);
const ids = fc.array(id, { maxLength: 40 });
const { value: json } = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, ids, fc.string(), fc.double(), fc.boolean(), fc.constant(null), fc.array(tie('value'), { maxLength: 4 }), fc.dictionary(fc.oneof(fc.string(), fc.constant('__proto__')), tie('value'), { maxKeys: 4 })),
}));

function read(parse: (text: string) => unknown, text: string): unknown {
  try {
    return { value: parse(text) };
  } catch {
    return 'not JSON';
  }
}

const listOf = (count: number) => JSON.stringify(Array.from({ length: count }, (_, index) => `i${index}`));

describe('JSON with lists of ids', () => {
  it('is read as JSON.parse reads it', () => {
    fc.assert(fc.property(json, fc.constantFrom(undefined, 1), (value, indent) => {
      const text = JSON.stringify(value, undefined, indent);
      expect(parseWithIdLists(text)).toStrictEqual(JSON.parse(text));
    }), { numRuns: 500 });
  });

  it('is refused, damaged in any one place, where JSON.parse refuses it', () => {
    const damage = fc.constantFrom('', '"', '\\', '[', ']', ',', '["', '"]', ':', 'a', '1', ' ', '\n', '\u0000', 'é');
    fc.assert(fc.property(json, fc.nat(), fc.nat(2), damage, (value, place, length, put) => {
      const text = JSON.stringify(value);
      const at = place % (text.length + 1);
      const damaged = text.slice(0, at) + put + text.slice(at + length);
      expect(read(parseWithIdLists, damaged)).toStrictEqual(read(JSON.parse, damaged));
    }), { numRuns: 500 });
  });

  it.each([
    ['what looks like a list inside a string', `{"a":${JSON.stringify(`x${listOf(20)}`)}}`],
    ['a string that ends with a bracket before one that begins like a list', `"x[",${listOf(20).slice(1)}`],
    ['a field twice: the last counts', `{"a":${listOf(20)},"a":${listOf(9)},"b":${listOf(12)}}`],
    ['what stands for a list', `{"a":${listOf(20)},"c":["ids of list 0"]}`],
    ['what stands for a list, in escapes', `{"a":${listOf(20)},"c":["\\u0069ds of list 0"]}`],
    ['a list without its end', `{"a":${listOf(20).slice(0, -1)}`],
    ['a list beside values a hundred thousand levels deep', `{"a":${listOf(20)},"b":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
  ])('reads %s as JSON.parse does', (_, text) => {
    expect(JSON.stringify(read(parseWithIdLists, text), shallow)).toBe(JSON.stringify(read(JSON.parse, text), shallow));
  });
});

/** JSON.stringify goes no deeper than the stack. */
function shallow(name: string, value: unknown): unknown {
  return name === 'b' && Array.isArray(value) && Array.isArray(value[0]) ? 'deep' : value;
}

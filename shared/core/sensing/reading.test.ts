import { requestIdSchema } from '@tandem/schemas';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCatalogueItem } from './catalogue.ts';
import { affinityKey, identityOf } from './identity.ts';
import { checkDepth, parseJson } from './json.ts';
import { readInteraction } from './read-interaction.ts';
import { readRequest } from './read-request.ts';
import { checkSchemaVersion } from './schema-version.ts';

const limits = { maxBytes: 1_000, maxDepth: 4 };
const raw = (value: string | Uint8Array | null, headers: Record<string, string> = {}) => ({
  value: typeof value === 'string' ? new TextEncoder().encode(value) : value,
  headers,
});

describe('reading JSON', () => {
  it('gives what JSON.parse gives, with and without a byte order mark', () => {
    fc.assert(
      fc.property(fc.json(), fc.boolean(), (text, marked) => {
        expect(parseJson(new TextEncoder().encode(marked ? `\uFEFF${text}` : text))).toEqual(JSON.parse(text));
      }),
    );
  });

  it('refuses any bytes that are not UTF-8 by that name, and never throws anything else than its codes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const valid = Buffer.from(Buffer.from(bytes).toString('utf8')).equals(bytes);
        try {
          parseJson(bytes);
          expect(valid).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ code: valid ? 'invalid_json' : 'invalid_encoding' });
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    ['[[[[1]]]]', true],
    ['[[[[[]]]]]', false],
    ['{"a":{"b":{"c":{}}}}', true],
    ['{"a":{"b":{"c":{"d":[]}}}}', false],
    ['"flat"', true],
  ])('with at most 4 levels takes %s: %s', (text, taken) => {
    const check = () => checkDepth(JSON.parse(text), limits);
    if (taken) expect(check).not.toThrow();
    else expect(check).toThrow(expect.objectContaining({ code: 'too_deep' }));
  });

  it('survives nesting that would exhaust the stack', () => {
    const depth = 200_000;
    expect(() => checkDepth(JSON.parse('['.repeat(depth) + ']'.repeat(depth)), limits)).toThrow(expect.objectContaining({ code: 'too_deep' }));
  });
});

describe('reading a request', () => {
  it('looks for what is wrong in a fixed order', () => {
    const deep = '"deep":[[[[[]]]]]';
    const later = { 'tandem-schema': '2' };
    const codeOf = (value: string | Uint8Array | null, headers = later) => readRequest(raw(value, headers), limits).error?.code;
    expect(codeOf(null)).toBe('empty_value');
    expect(codeOf(`{"requestId":"r",${' '.repeat(1_000)}`)).toBe('too_large');
    expect(codeOf(new Uint8Array([0xff]))).toBe('invalid_encoding');
    expect(codeOf('{')).toBe('invalid_json');
    expect(codeOf(`{"requestId":"r",${deep}}`)).toBe('unsupported_schema_version');
    expect(codeOf(`{"requestId":"r",${deep}}`, {} as never)).toBe('too_deep');
    expect(codeOf('{"requestId":"r"}', {} as never)).toBe('invalid_request');
  });

  it('names the first wrong field and how many more there are, in a short message', () => {
    const reading = readRequest(raw(JSON.stringify({ requestId: 'r', workload: 'w', input: [], hints: { deadlineMs: 'x'.repeat(500) } })), limits);
    expect(reading.error?.message).toMatch(/^input: Invalid input: expected record, received array \(and 1 more\)$/);
    expect(readRequest(raw('7'), limits).error?.message).toMatch(/^value: /);
  });
});

describe('the identity of a request', () => {
  it('is read from whatever has a valid request id, and only from its own fields', () => {
    expect(identityOf({ requestId: 'r', workload: 7, userId: '', key: [] })).toEqual({ requestId: 'r', workload: '' });
    expect(identityOf({ requestId: 'r', workload: 'w', userId: 'u', key: 'k' })).toEqual({ requestId: 'r', workload: 'w', userId: 'u', key: 'k' });
    expect(identityOf(Object.create({ requestId: 'r' }))).toBeUndefined();
    expect(identityOf([{ requestId: 'r' }])).toBeUndefined();
    expect(identityOf(null)).toBeUndefined();
  });

  it('exists for any JSON exactly where requestId fits its schema', () => {
    const withId = fc.record({ requestId: fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue()), other: fc.jsonValue() });
    fc.assert(
      fc.property(fc.oneof(withId, fc.jsonValue()), (value) => {
        const id: unknown = typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as { requestId?: unknown }).requestId : undefined;
        expect(identityOf(value)?.requestId).toBe(requestIdSchema.safeParse(id).success ? id : undefined);
      }),
    );
  });

  it('has the user as affinity key, else the key, else the id', () => {
    expect(affinityKey({ requestId: 'r', key: 'k', userId: 'u' })).toBe('u');
    expect(affinityKey({ requestId: 'r', key: 'k' })).toBe('k');
    expect(affinityKey({ requestId: 'r' })).toBe('r');
  });
});

describe('reading an interaction', () => {
  const good = { userId: 'ann', itemId: '7', time: 1 };

  it('ignores unknown fields', () => {
    expect(readInteraction(raw(JSON.stringify({ ...good, rating: 5 })), limits)).toEqual(good);
  });

  it.each([['"x"'], ['{}'], [JSON.stringify({ ...good, time: 'now' })], [JSON.stringify({ ...good, userId: '\uD800' })]])('refuses %s as invalid_interaction', (text) => {
    expect(() => readInteraction(raw(text), limits)).toThrow(expect.objectContaining({ code: 'invalid_interaction' }));
  });
});

describe('a schema version', () => {
  it.each([undefined, '1', '1.0', '1.9', '0'])('of %s is understood', (version) => {
    expect(() => checkSchemaVersion(version === undefined ? {} : { 'tandem-schema': version })).not.toThrow();
  });

  it.each(['2', '2.0', '10', '', 'v1', '1e3', '-1', ' 1', '9'.repeat(50)])('of %j is refused', (version) => {
    expect(() => checkSchemaVersion({ 'tandem-schema': version })).toThrow(expect.objectContaining({ code: 'unsupported_schema_version' }));
  });
});

describe('a catalogue of 100 items', () => {
  it.each(['1', '99', '100'])('holds %s', (id) => expect(isCatalogueItem(id, 100)).toBe(true));
  it.each(['0', '101', '-1', '01', '1.0', '1e1', ' 1', '', 'x', '٣', '__proto__'])('does not hold %j', (id) => expect(isCatalogueItem(id, 100)).toBe(false));

  it('that nobody knows may hold anything', () => {
    expect(isCatalogueItem('anything', undefined)).toBe(true);
  });
});

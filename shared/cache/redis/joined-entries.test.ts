import fc from 'fast-check';
import { expect, it } from 'vitest';
import { escapeEntry, splitEntries } from './joined-entries.ts';

const entry = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[\\n\n]{0,6}$/));

it('entries come back as they were, line feeds and backslashes among them', () => {
  fc.assert(
    fc.property(fc.array(entry), (entries) => {
      expect(splitEntries(entries.length, entries.map(escapeEntry).join('\n'))).toEqual(entries);
    }),
  );
});

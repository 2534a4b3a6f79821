import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextRequest, TransactionPart } from './transaction-part.ts';

const sizes = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 40 });
const MAX_BYTES = 150;

function partOf(partition: number, bytes: readonly number[]): TransactionPart {
  const part = new TransactionPart('t', partition);
  for (const [index, size] of bytes.entries()) part.push({ record: { topic: 't', key: null, value: `${index}` }, bytes: size });
  return part;
}

describe('the parts of a transaction', () => {
  it('are written whole and in order, by requests of bounded size, whatever the broker makes of each', () => {
    const fates = fc.infiniteStream(fc.constantFrom('written', 'written', 'too large', 'no answer'));
    fc.assert(
      fc.property(fc.array(sizes, { minLength: 1, maxLength: 4 }), fates, (all, stream) => {
        const parts = all.map((bytes, partition) => partOf(partition, bytes));
        const written = parts.map((): string[] => []);
        for (let left = parts; left.length > 0; left = left.filter(({ done }) => !done)) {
          const request = nextRequest(left, MAX_BYTES);
          expect(request.length).toBeGreaterThan(0);
          const repeated = request.some(({ inDoubt }) => inDoubt);
          const bytes = request.flatMap(({ batch }) => batch).reduce((sum, record) => sum + record.bytes, 0);
          if (!repeated) expect(bytes).toBeLessThanOrEqual(MAX_BYTES + 100);
          for (const part of request) {
            const { batch } = part;
            part.send();
            const fate = stream.next().value;
            if (fate === 'no answer') {
              part.prepare(1);
              // Another batch with its number would be taken for it.
              expect([part.inDoubt, part.batch]).toEqual([true, batch]);
            } else if (fate === 'too large' && batch.length > 1) {
              part.refuse();
              expect(part.halve()).toBe(true);
              expect(part.batch).toEqual(batch.slice(0, batch.length >> 1));
            } else {
              written[part.partition]?.push(...batch.map(({ record }) => String(record.value)));
              part.advance(0);
            }
          }
        }
        expect(written).toEqual(all.map((bytes) => bytes.map((_, index) => `${index}`)));
        expect(parts.some(({ inDoubt }) => inDoubt)).toBe(false);
      }),
    );
  });

  it('of one record cannot be halved', () => {
    const part = partOf(0, [1_000]);
    part.prepare(10);
    expect(part.halve()).toBe(false);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hideAborted, type KafkaJsPartition } from './aborted.ts';
import { committedBatches, type AbortedTransaction, type StoredBatch } from './record-batches.ts';

interface Step {
  producer: number;
  what: 'write' | 'commit' | 'abort';
}

interface Entry extends Step {
  offset: number;
  /** Whether its transaction was aborted in the end; of those that are open nothing is fetched. */
  aborted: boolean;
}

const steps = fc.array(fc.record({ producer: fc.nat(3), what: fc.constantFrom('write' as const, 'write' as const, 'write' as const, 'commit' as const, 'abort' as const) }), { maxLength: 60 });

/** A partition written by interleaved transactions, all ended, and what the broker says of the aborted ones. */
function partitionOf(all: readonly Step[]): { entries: Entry[]; aborted: AbortedTransaction[] } {
  const closing = [0, 1, 2, 3].map((producer): Step => ({ producer, what: producer % 2 === 0 ? 'abort' : 'commit' }));
  const entries = [...all, ...closing].map((step, offset): Entry => ({ ...step, offset, aborted: false }));
  const aborted: AbortedTransaction[] = [];
  for (const end of entries.filter(({ what }) => what === 'abort')) {
    const before = entries.slice(0, end.offset).filter(({ producer }) => producer === end.producer);
    const transaction = before.slice(before.findLastIndex(({ what }) => what !== 'write') + 1);
    for (const entry of transaction) entry.aborted = true;
    if (transaction[0] !== undefined) aborted.push({ producerId: BigInt(end.producer), firstOffset: transaction[0].offset });
  }
  return { entries, aborted };
}

const asKafkaJs = (entries: readonly Entry[], aborted: readonly AbortedTransaction[]): KafkaJsPartition => ({
  abortedTransactions: aborted.map(({ producerId, firstOffset }) => ({ producerId: String(producerId), firstOffset: String(firstOffset) })),
  messages: entries.map(({ offset, producer, what }) => ({ offset: String(offset), isControlRecord: what !== 'write', batchContext: { producerId: String(producer), inTransaction: true } })),
});

const asBatches = (entries: readonly Entry[]): StoredBatch[] =>
  entries.map(({ offset, producer, what }) => ({ bytes: Buffer.alloc(0), lastOffset: offset, producerId: BigInt(producer), transactional: true, control: what !== 'write' }));

const committed = (entries: readonly Entry[]): number[] => entries.filter(({ what, aborted }) => what === 'write' && !aborted).map(({ offset }) => offset);

describe('records of aborted transactions', () => {
  it('stay hidden, however transactions interleave and wherever a fetch begins', () => {
    fc.assert(
      fc.property(steps, fc.nat(60), (all, from) => {
        const { entries, aborted } = partitionOf(all);
        const fetched = entries.slice(from);
        // The broker names those that reach into what is fetched.
        const named = aborted.filter(({ producerId, firstOffset }) => {
          const end = entries.find(({ offset, producer, what }) => offset > firstOffset && producer === Number(producerId) && what !== 'write');
          return (end?.offset ?? 0) >= from;
        });
        const partition = asKafkaJs(fetched, named);
        hideAborted(partition);
        expect(partition.messages.filter(({ isControlRecord }) => !isControlRecord).map(({ offset }) => Number(offset))).toEqual(committed(fetched));
        expect(committedBatches(asBatches(fetched), named.toReversed()).map(({ lastOffset }) => lastOffset)).toEqual(committed(fetched));
      }),
    );
  });
});

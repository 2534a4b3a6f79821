import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FetchSession, type FetchPosition, type SessionRequest } from './fetch-session.ts';

/** What a broker knows, by the protocol's rules. */
class Broker {
  readonly held = new Map<number, number>();
  #epoch = 0;

  /** @returns the error code */
  answer({ sessionId, sessionEpoch, partitions, forgotten }: SessionRequest): number {
    if (sessionEpoch === 0) this.held.clear();
    else if (sessionId !== 7 || sessionEpoch !== this.#epoch + 1) return 71;
    this.#epoch = sessionEpoch;
    for (const { partition } of forgotten) this.held.delete(partition);
    for (const { partition, offset } of partitions) this.held.set(partition, offset);
    return 0;
  }

  forget(): void {
    this.#epoch = 1_000_000;
  }
}

const positions = fc.uniqueArray(fc.record({ topic: fc.constant('t'), partition: fc.nat(6), offset: fc.nat(3) }), { selector: ({ partition }) => partition, minLength: 1 });
const step = fc.record({ wanted: positions, forgets: fc.boolean() });

describe('a fetch session', () => {
  it('lets the broker know at every fetch exactly what is wanted, whatever it has forgotten', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const [session, broker] = [new FetchSession(), new Broker()];
        for (const { wanted, forgets } of steps) {
          if (forgets) broker.forget();
          const ask = (): number => broker.answer(session.next(wanted));
          const errorCode = ask();
          if (!session.accept({ errorCode, sessionId: 7 })) session.accept({ errorCode: ask(), sessionId: 7 });
          expect(new Map([...broker.held].sort())).toEqual(new Map(wanted.map(({ partition, offset }) => [partition, offset] as const).sort()));
        }
      }),
    );
  });

  it('says only what has changed', () => {
    const session = new FetchSession();
    const at = (...offsets: number[]): FetchPosition[] => offsets.map((offset, partition) => ({ topic: 't', partition, offset }));
    expect(session.next(at(0, 0, 0)).partitions).toHaveLength(3);
    session.accept({ errorCode: 0, sessionId: 7 });
    expect(session.next(at(0, 5, 0))).toEqual({ sessionId: 7, sessionEpoch: 1, partitions: [{ topic: 't', partition: 1, offset: 5 }], forgotten: [] });
    session.accept({ errorCode: 0, sessionId: 7 });
    expect(session.next(at(0, 5))).toMatchObject({ sessionEpoch: 2, partitions: [], forgotten: [{ partition: 2 }] });
  });

  it('asks for everything each time where the broker keeps no sessions', () => {
    const session = new FetchSession();
    const wanted = [{ topic: 't', partition: 0, offset: 3 }];
    for (let fetch = 0; fetch < 3; fetch++) {
      expect(session.next(wanted)).toEqual({ sessionId: 0, sessionEpoch: 0, partitions: wanted, forgotten: [] });
      session.accept({ errorCode: 0, sessionId: 0 });
    }
  });
});

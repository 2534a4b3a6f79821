import { randomUUID } from 'node:crypto';

/** A record that no producer should send, and whether its request id can be read from it. */
export interface Garbage {
  kind: string;
  value: string | Buffer | null;
  /** Owed a rejected response; without one the record is owed a dead letter. */
  requestId?: string;
}

const readable = (kind: string, make: (requestId: string) => unknown) => (): Garbage => {
  const requestId = randomUUID();
  return { kind, requestId, value: JSON.stringify(make(requestId)) };
};

const unreadable = (kind: string, make: () => string | Buffer | null) => (): Garbage => ({ kind, value: make() });

const request = (requestId: string, over: Record<string, unknown> = {}) => ({ requestId, workload: 'recommend', input: {}, ...over });

/** One of each kind that issue trackers of streaming systems are full of. */
const GARBAGE: readonly (() => Garbage)[] = [
  unreadable('not UTF-8', () => Buffer.from([0xff, 0xfe, 0x00, 0xc3, 0x28])),
  unreadable('not JSON', () => '{"requestId": "x", '),
  unreadable('empty', () => ''),
  unreadable('null value', () => null),
  unreadable('a number', () => '42'),
  unreadable('an array', () => '[[[]]]'),
  unreadable('no request id', () => JSON.stringify({ workload: 'recommend', input: {} })),
  unreadable('request id of a wrong type', () => JSON.stringify({ requestId: 7, workload: 'recommend', input: {} })),
  unreadable('deep nesting', () => '['.repeat(5_000) + ']'.repeat(5_000)),
  readable('deep nesting with an id', (id) => request(id, { input: { history: JSON.parse('['.repeat(60) + ']'.repeat(60)) as unknown } })),
  readable('no workload', (id) => ({ requestId: id, input: {} })),
  readable('unknown workload', (id) => request(id, { workload: 'nothing-like-it' })),
  readable('workload of a wrong type', (id) => request(id, { workload: { name: 'recommend' } })),
  readable('input of a wrong type', (id) => request(id, { input: 'history' })),
  readable('history of a wrong type', (id) => request(id, { input: { history: 'all' } })),
  readable('a limit of 10^9', (id) => request(id, { input: { history: ['1'], limit: 1e9 } })),
  readable('too many candidates', (id) => request(id, { input: { candidates: Array.from({ length: 1_001 }, (_, i) => String(i + 1)) } })),
  readable('only unknown candidates', (id) => request(id, { input: { history: ['1'], candidates: ['999999', 'x'] } })),
  readable('a deadline of no length', (id) => request(id, { hints: { deadlineMs: -5 } })),
  readable('a deadline in the past', (id) => request(id, { input: { history: ['1'] }, hints: { deadlineMs: 1e-9 } })),
  readable('__proto__', (id) => JSON.parse(`{"requestId":"${id}","workload":"recommend","input":"x","__proto__":{"polluted":true}}`) as unknown),
];

/** Two records in a thousand are near the size limit: so many that they matter, so few that a test broker takes them. */
const NEAR_LIMIT_EVERY = 500;
const nearTheLimit = readable('near the size limit', (id) => request(id, { workload: 7, input: { filler: 'x'.repeat(900_000) } }));

/** All kinds in turn. */
export function garbage(count: number): Garbage[] {
  return Array.from({ length: count }, (_, index) => (index % NEAR_LIMIT_EVERY === 0 ? nearTheLimit() : GARBAGE[index % GARBAGE.length]!()));
}

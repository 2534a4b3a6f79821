import { DEAD_LETTER_HEADER, HEADER, fixedTopics, type ErrorCode } from '@tandem/schemas';
import { createEmbeddedLog, type LogRecord, type OutgoingRecord } from '../log/index.ts';
import { deadLetter } from '../runner/index.ts';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { Newest, findLetter, matches, parseMoment, printable, replayLetters, scanLetters, shownValue, tombstone, type DeadLetter } from './index.ts';

const TOPIC = 't.dead-letters';
const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

const source = (offset: number, over: Partial<LogRecord> = {}): LogRecord =>
  ({ topic: 't.requests', partition: 1, offset, key: `k${offset}`, value: Buffer.from(`value ${offset}`), headers: { mine: 'kept' }, timestamp: 5, ...over });

async function harness() {
  const log = createEmbeddedLog();
  cleanUps.push(() => log.close());
  await log.admin.ensureTopics(fixedTopics({ prefix: 't.', partitions: 3 }));
  const producer = await log.producer();
  const bury = (record: LogRecord, code: ErrorCode = 'internal', stage = 'classifier') =>
    producer.send([deadLetter('t.', record, { stage, code, message: 'why', attempts: 2, time: 1 })]);
  const letters = async () => {
    const found: DeadLetter[] = [];
    for await (const letter of scanLetters({ log, topic: TOPIC })) found.push(letter);
    return found;
  };
  const read = async (topic: string) => {
    const all: LogRecord[] = [];
    for (const { partition } of await log.admin.offsets(topic)) for await (const batch of log.read({ topic, partition })) all.push(...batch);
    return all;
  };
  const replay = (over: Partial<Parameters<typeof replayLetters>[0]> = {}) =>
    replayLetters({ log, producer, prefix: 't.', topic: TOPIC, filter: {}, limit: Infinity, force: false, dryRun: false, ...over });
  return { log, producer, bury, letters, read, replay };
}

describe('dead letters', () => {
  it('are there once each, however often the record failed, until they are deleted', async () => {
    const { bury, letters, producer } = await harness();
    await bury(source(1), 'internal');
    await bury(source(2));
    await bury(source(1), 'unknown_item');
    expect((await letters()).map(({ key, code }) => [key, code]).toSorted()).toEqual([['t.requests/1/1', 'unknown_item'], ['t.requests/1/2', 'internal']]);
    await producer.send([tombstone(TOPIC, { key: 't.requests/1/1' })]);
    expect((await letters()).map(({ key }) => key)).toEqual(['t.requests/1/2']);
  });

  it('know all of the record that they were', async () => {
    const { bury, log } = await harness();
    await bury(source(7, { key: null, value: Buffer.from([255, 0]) }), 'invalid_encoding');
    expect(await findLetter(log, TOPIC, 't.requests/1/7')).toEqual({
      key: 't.requests/1/7', time: expect.any(Number) as number, stage: 'classifier', code: 'invalid_encoding', message: 'why', attempts: 2,
      topic: 't.requests', partition: 1, offset: 7, sourceKey: null, headers: { mine: 'kept' }, value: Buffer.from([255, 0]),
    });
    expect(await findLetter(log, TOPIC, 't.requests/1/8')).toBeUndefined();
  });

  it('without a value are still letters, and what stages did not write is none', async () => {
    const { bury, letters, producer } = await harness();
    await bury(source(1, { value: null }), 'empty_value');
    await producer.send([{ topic: TOPIC, key: 'stray', value: 'by hand' }, { topic: TOPIC, key: null, value: 'by hand' }]);
    expect((await letters()).map(({ key }) => key)).toEqual(['t.requests/1/1']);
  });

  it('are read from a moment on, with progress over all of them', async () => {
    const { bury, log } = await harness();
    for (let i = 0; i < 30; i += 1) await bury(source(i));
    const seen: [number, number][] = [];
    const found: string[] = [];
    for await (const { key } of scanLetters({ log, topic: TOPIC, since: 1, onProgress: (read, all) => seen.push([read, all]) })) found.push(key);
    expect(found).toHaveLength(30);
    expect(seen.at(-1)).toEqual([60, 60]);
    for await (const _ of scanLetters({ log, topic: TOPIC, since: Date.now() + 60_000 })) expect.unreachable();
  });
});

describe('a replay', () => {
  it('puts the record back as it was, says where it stood first, and deletes the letter', async () => {
    const { bury, letters, read, replay } = await harness();
    await bury(source(4));
    expect(await replay()).toEqual({ replayed: 1, refused: {}, withoutTopic: 0 });
    expect(await letters()).toEqual([]);
    const [back] = await read('t.requests');
    expect(back).toMatchObject({ key: 'k4', value: Buffer.from('value 4'), headers: { mine: 'kept', [HEADER.replayOf]: 't.requests/1/4' } });
    expect(Object.keys(back!.headers)).toHaveLength(2);
  });

  it('of a record that failed again after a replay still names its first place', async () => {
    const { bury, read, replay } = await harness();
    await bury(source(9, { headers: { [HEADER.replayOf]: 't.requests/1/4' } }));
    await replay();
    expect((await read('t.requests'))[0]!.headers).toEqual({ [HEADER.replayOf]: 't.requests/1/4' });
  });

  it('of a record without a key goes to the partition that it had', async () => {
    const { bury, read, replay } = await harness();
    await bury(source(4, { key: null, partition: 2 }));
    await replay();
    expect(await read('t.requests')).toMatchObject([{ key: null, partition: 2 }]);
  });

  it('leaves alone what would fail again, unless it is forced to', async () => {
    const { bury, read, replay } = await harness();
    await bury(source(1), 'invalid_json');
    await bury(source(2), 'duplicate_request');
    await bury(source(3), 'unknown_item');
    expect(await replay()).toEqual({ replayed: 1, refused: { invalid_json: 1, duplicate_request: 1 }, withoutTopic: 0 });
    expect(await replay({ force: true })).toMatchObject({ replayed: 2 });
    expect(await read('t.requests')).toHaveLength(3);
  });

  it('of a dry run only counts', async () => {
    const { bury, read, replay, letters } = await harness();
    for (let i = 0; i < 120; i += 1) await bury(source(i));
    expect(await replay({ dryRun: true })).toMatchObject({ replayed: 120 });
    expect(await read('t.requests')).toEqual([]);
    expect(await letters()).toHaveLength(120);
  });

  it('puts back no more than it is told to, and only what the filter names', async () => {
    const { bury, replay, letters } = await harness();
    for (let i = 0; i < 130; i += 1) await bury(source(i), i % 2 === 0 ? 'unknown_item' : 'internal', i % 2 === 0 ? 'classifier' : 'worker');
    expect(await replay({ filter: { code: 'unknown_item' }, limit: 60 })).toMatchObject({ replayed: 60 });
    expect(await replay({ filter: { keys: new Set(['t.requests/1/1', 't.requests/1/3']) } })).toMatchObject({ replayed: 2 });
    const left = await letters();
    expect([left.filter(({ code }) => code === 'unknown_item').length, left.filter(({ stage }) => stage === 'worker').length]).toEqual([5, 63]);
  });

  it('that ended between its two writes puts the record back again the next time, under its first place', async () => {
    const { bury, replay, read, producer, letters } = await harness();
    await bury(source(1));
    const dying = {
      ...producer, flush: () => producer.flush(), close: () => producer.close(),
      send: async (records: readonly OutgoingRecord[]) => {
        if (records.some(({ topic }) => topic === TOPIC)) throw new Error('killed');
        return producer.send(records);
      },
    };
    await expect(replay({ producer: dying })).rejects.toThrow('killed');
    expect(await replay()).toMatchObject({ replayed: 1 });
    const back = await read('t.requests');
    expect(back.map(({ headers }) => headers[HEADER.replayOf])).toEqual(['t.requests/1/1', 't.requests/1/1']);
    expect(await letters()).toEqual([]);
  });

  it('leaves alone what has no topic any more', async () => {
    const { bury, replay } = await harness();
    await bury(source(1, { topic: 't.work.old.fp32' }));
    expect(await replay()).toEqual({ replayed: 0, refused: {}, withoutTopic: 1 });
  });
});

describe('a filter', () => {
  const letter = { key: 'a', time: 100, stage: 'worker', code: 'internal', topic: 't.tasks' } as DeadLetter;
  it.each([
    [{}, true], [{ stage: 'worker' }, true], [{ stage: 'fusion' }, false], [{ code: 'internal', stage: 'worker' }, true], [{ code: 'expired' }, false],
    [{ topic: 'tasks' }, true], [{ topic: 't.tasks' }, true], [{ topic: 'task' }, false], [{ since: 100 }, true], [{ since: 101 }, false],
    [{ until: 100 }, false], [{ until: 101 }, true], [{ keys: new Set(['a']) }, true], [{ keys: new Set(['b']) }, false],
  ])('%o is true of a letter: %s', (filter, expected) => {
    expect(matches(letter, filter, 't.')).toBe(expected);
  });

  it.each([
    ['90s', 1_000_000 - 90_000], ['2h', 1_000_000 - 7_200_000], ['1d', 1_000_000 - 86_400_000], ['2026-11-20T22:00Z', Date.UTC(2026, 10, 20, 22)],
    ['2026-11-20', Date.UTC(2026, 10, 20)], ['yesterday', undefined], ['-2h', undefined], ['2', undefined], ['2026-99-99', undefined],
  ])('reads the moment %s as %s', (text, expected) => {
    expect(parseMoment(text, 1_000_000)).toBe(expected);
  });
});

describe('what is shown of a letter', () => {
  it('is text where it is UTF-8, whole characters of it where it is long, and bytes in hex where it is not', () => {
    expect(shownValue(Buffer.from('grün\n'))).toEqual({ encoding: 'utf-8', text: 'grün\n', bytes: 6, truncated: false });
    expect(shownValue(Buffer.from('ü'.repeat(5_000)))).toEqual({ encoding: 'utf-8', text: 'ü'.repeat(2_048), bytes: 10_000, truncated: true });
    expect(shownValue(Buffer.from(`a${'ü'.repeat(5_000)}`)).text).toBe(`a${'ü'.repeat(2_047)}`);
    expect(shownValue(Buffer.from('x'.repeat(5_000)), true)).toMatchObject({ truncated: false, bytes: 5_000 });
    expect(shownValue(Buffer.from([0xff, 0x00]))).toEqual({ encoding: 'hex', text: 'ff00', bytes: 2, truncated: false });
    expect(shownValue(null)).toMatchObject({ encoding: 'none', bytes: 0 });
  });

  it('never steers a terminal', () => {
    expect(printable('\u001b[2Jgone\u202e')).toBe('\\u{1b}[2Jgone\\u{202e}');
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(shownValue(Buffer.from(bytes)).text).not.toMatch(/[^\P{Cc}\n\t]|\p{Cf}/u);
    }));
  });

  it('is the newest so many of any number', () => {
    const newest = new Newest<{ time: number }>(3);
    for (let i = 0; i < 5_000; i += 1) newest.add({ time: (i * 7_919) % 5_000 });
    expect(newest.items.map(({ time }) => time)).toEqual([4_997, 4_998, 4_999]);
    expect(newest.seen).toBe(5_000);
  });

  it('has every header that a stage writes taken off, and no other', async () => {
    const { bury, letters } = await harness();
    await bury(source(1, { headers: { [DEAD_LETTER_HEADER.code]: 'of an earlier life', other: 'x' } }));
    expect((await letters())[0]).toMatchObject({ code: 'internal', headers: { other: 'x' } });
  });
});

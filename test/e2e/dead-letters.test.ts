import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DEAD_LETTER_HEADER, HEADER, type Response } from '@tandem/schemas';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { startTandem, type Client, type RunningTandem } from '../support/system.ts';
import { until } from '../support/until.ts';

const TANDEM = join(import.meta.dirname, '../../services/cli/tandem.ts');
const run = promisify(execFile);

interface Line { key: string; code: string; stage: string; topic: string }

describe('an operator with the command line, on real Kafka and Redis', () => {
  let tandem: RunningTandem;
  let client: Client;
  const user = `user-${randomUUID()}`;

  const tandemCommand = async (...args: string[]): Promise<string> => {
    const settings = ['--kafka', inject('kafka'), '--prefix', tandem.settings.prefix, '--log-level', 'error'];
    return (await run(process.execPath, [TANDEM, ...args, ...settings])).stdout;
  };
  const list = async (...flags: string[]) => JSON.parse(await tandemCommand('dead-letters', 'list', '--json', ...flags)) as Line[];
  /** As the tail of the topic knows them: the newest of each key, without those that are deleted. */
  const letters = (code?: string): Line[] => {
    const newest = new Map(client.deadLetters.map((record) => [record.key ?? '', record]));
    const there = [...newest].filter(([, { value }]) => value !== null).map(([key, { headers }]): Line =>
      ({ key, code: headers[DEAD_LETTER_HEADER.code]!, stage: headers[DEAD_LETTER_HEADER.stage]!, topic: headers[DEAD_LETTER_HEADER.sourceTopic]! }));
    return code === undefined ? there : there.filter((letter) => letter.code === code);
  };
  const answer = async (): Promise<Response> => (await client.ask([{ workload: 'recommend', userId: user, input: {}, hints: { task: 'coarse', deadlineMs: 60_000 } }]))[0]!;
  const interaction = (itemId: string) => JSON.stringify({ userId: user, itemId, time: Date.now() });

  beforeAll(async () => {
    tandem = await startTandem({ kafka: inject('kafka'), redis: inject('redis') });
    client = tandem.client;
    await client.write('requests', ['not \u001b[2J json']);
    await client.write('interactions', [interaction('999999999'), interaction('1'), interaction('260')]);
    await until(() => client.deadLetters.length === 2);
    await until(async () => (await answer()).reason === undefined, { what: 'features' });
  });
  afterAll(async () => tandem[Symbol.asyncDispose]());

  test('lists dead letters by what is asked for, and shows one without letting it steer the terminal', async () => {
    expect((await list()).map(({ code }) => code).toSorted()).toEqual(['invalid_json', 'unknown_item']);
    expect(await list('--topic', 'interactions', '--since', '1h')).toMatchObject([{ code: 'unknown_item', stage: 'classifier' }]);
    const [letter] = letters('invalid_json');
    const shown = await tandemCommand('dead-letters', 'show', letter!.key);
    expect(shown).toContain('not \\u{1b}[2J json');
    expect(shown).toContain('code: invalid_json');
  });

  test('replays what may succeed now, and is told what would be in vain', async () => {
    const before = client.deadLetters.length;
    const [letter] = letters('unknown_item');
    expect(JSON.parse(await tandemCommand('dead-letters', 'replay', '--all', '--json', '--dry-run'))).toEqual({ replayed: 1, refused: { invalid_json: 1 }, withoutTopic: 0, dryRun: true });
    expect(JSON.parse(await tandemCommand('dead-letters', 'replay', '--all', '--json'))).toMatchObject({ replayed: 1, refused: { invalid_json: 1 } });
    // The item is still unknown: the letter's tombstone, and a new letter.
    await until(() => client.deadLetters.length === before + 2);
    const again = client.deadLetters.slice(before).find(({ value }) => value !== null)!;
    expect(again.headers).toMatchObject({ [HEADER.replayOf]: letter!.key, [DEAD_LETTER_HEADER.code]: 'unknown_item' });
    const [now] = letters('unknown_item');
    expect(now!.key).not.toBe(letter!.key);
  });

  test('erases a user: features at once and for good, dead letters too', async () => {
    expect((await answer()).reason).toBeUndefined();
    const summary = JSON.parse(await tandemCommand('erase', user, '--redis', inject('redis'), '--json')) as unknown;
    expect(summary).toMatchObject({ partitions: 4, cache: true, deadLetters: { read: 2, erased: 1 } });
    await until(() => letters().length === 1);
    expect(letters()).toMatchObject([{ code: 'invalid_json' }]);
    expect((await answer()).reason).toBe('unknown_user');
    const topic = `${tandem.settings.prefix}interactions`;
    await until(async () => {
      const ends = await client.ports.log.admin.offsets(topic);
      const committed = await client.ports.log.admin.committed(`${tandem.settings.prefix}classifier`, topic);
      return ends.every(({ partition, latest }) => committed.some((each) => each.partition === partition && each.offset === latest));
    }, { what: 'the classifier to apply the erasure' });
    expect((await answer()).reason).toBe('unknown_user');
    await client.write('interactions', [interaction('1196')]);
    await until(async () => (await answer()).reason === undefined, { what: 'features from after the erasure' });
  });
});

import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Response } from '@tandem/schemas';
import type { Explanation } from '@tandem/shared/explain';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { installation } from '../../services/cli/doctor/testing.ts';
import { temporaryFolder } from '../support/processes.ts';
import { startTandem, type RunningTandem } from '../support/system.ts';

const TANDEM = join(import.meta.dirname, '../../services/cli/tandem.ts');
const execute = promisify(execFile);

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

function run(...args: string[]): Promise<Ended> {
  return execute(process.execPath, [TANDEM, ...args]).then((ended) => ({ ...ended, code: 0 }), (error: unknown) => error as Ended);
}

describe('someone who wants to know what happens, on a real Kafka', () => {
  let tandem: RunningTandem;
  const user = `user-${randomUUID()}`;
  const at = (...args: string[]) => [...args, '--kafka', inject('kafka'), '--prefix', tandem.settings.prefix];
  const hints = { task: 'full', deadlineMs: 60_000 } as const;

  beforeAll(async () => {
    tandem = await startTandem({ kafka: inject('kafka'), variants: 'recommend-small.fp32,recommend-large.int8', threads: '1' });
    const input = { history: ['1', '260', '1196'], limit: 5 };
    await tandem.client.ask([
      { requestId: 'wanted', workload: 'recommend', userId: user, input, hints },
      { requestId: 'other', workload: 'recommend', userId: 'another', input, hints: { task: 'coarse', deadlineMs: 60_000 } },
      { requestId: 'bad', workload: 'recommend', userId: user, input: { history: 7 } },
    ]);
  });
  afterAll(() => tandem[Symbol.asyncDispose]());

  test('tail shows the responses that pass its filters, as JSON lines where nobody looks on', async () => {
    const ids = async (...flags: string[]) => (await run(...at('tail', '--from-beginning', '--no-follow', ...flags))).stdout.trim().split('\n').filter((line) => line !== '').map((line) => (JSON.parse(line) as Response).requestId).toSorted();
    expect(await ids()).toEqual(['bad', 'other', 'wanted']);
    expect(await ids('--user', user, '--status', 'complete', '--model', 'recommend-large.int8')).toEqual(['wanted']);
    const { code, stdout } = await run(...at('tail', '--since', '1h', '--limit', '5', '--for', '5s', '--text', '--status', 'rejected'));
    expect(code).toBe(1);
    expect(stdout).toMatch(/rejected .* recommend {2}user .* bad {2}\[invalid/);
  });

  test('explain tells the path of a request, with reasons, expectations and times', async () => {
    const { code, stdout } = await run(...at('explain', 'wanted', '--user', user, '--json'));
    expect(code).toBe(0);
    const { events, decisions, waterfall, responses, notes } = JSON.parse(stdout) as Explanation;
    expect(events.map(({ kind }) => kind)).toEqual(['request', 'task', 'work', 'outcome', 'work', 'outcome', 'response']);
    expect(decisions.map(({ stage, step }) => [stage, step])).toEqual([
      ['classifier', undefined], ['scheduler', 'coarse'], ['worker', 'coarse'], ['scheduler', 'fine'], ['worker', 'fine'], ['fusion', undefined],
    ]);
    expect(decisions.every(({ why }) => why !== '')).toBe(true);
    expect(waterfall.map(({ stage }) => stage)).toEqual(['classifier', 'scheduler', 'worker', 'worker', 'worker', 'scheduler', 'worker', 'worker', 'worker', 'fusion']);
    expect(responses).toMatchObject([{ requestId: 'wanted', status: 'complete' }]);
    expect(notes).toEqual([]);
  });

  test('explain finds a request without its user, also one that was rejected, and says where it has looked for one that is not there', async () => {
    const text = (await run(...at('explain', 'bad'))).stdout;
    expect(text).toContain('rejected: invalid');
    expect(text).toContain('Where the time went');
    const { code, stderr } = await run(...at('explain', 'nobody'));
    expect(code).toBe(1);
    expect(stderr).toMatch(/^not_found: nothing of nobody has been written since .* \(--since 2d looks further back\)/);
  });
});

/** What a command that succeeds has to say to a program. */
async function told(...args: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await run(...args, '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) as string });
  return JSON.parse(stdout);
}

test('API keys are made, listed without what is secret, and revoked', async () => {
  const file = join(temporaryFolder('tandem-keys-'), 'keys.json');
  const made = (await told('gateway', 'keys', 'create', '--file', file, '--name', 'shop', '--tenant', 'acme', '--scopes', 'send,read')) as { key: string; id: string };
  expect(made.key).toMatch(/^tandem_/);
  const listed = await told('gateway', 'keys', 'list', '--file', file);
  expect(listed).toMatchObject([{ id: made.id, name: 'shop', tenant: 'acme', scopes: ['send', 'read'] }]);
  expect(JSON.stringify(listed)).not.toMatch(/sha256/);
  expect(await readFile(file, 'utf8')).not.toContain(made.key);
  expect(await told('gateway', 'keys', 'revoke', made.id, '--file', file)).toEqual({ revoked: made.id, name: 'shop', tenant: 'acme' });
  expect(await told('gateway', 'keys', 'list', '--file', file)).toEqual([]);
});

test('models are shown, and verified by loading them and asking for their golden answers', async () => {
  const folders = await installation();
  onTestFinished(() => folders.remove());
  expect(await told('models', 'show', 'digits-small', '--models', folders.models)).toMatchObject([{ model: 'digits-small', precision: 'fp32' }]);
  expect((await run('models', 'show', 'digits-small.fp32', '--models', folders.models)).stdout).toMatch(/^digits-small\.fp32 {2}version .*\naccuracy: /);
  expect(await told('models', 'verify', '--models', folders.models)).toMatchObject({ ok: true, findings: [{ check: 'models', status: 'ok' }] });
});

test('topics that are missing are named, created once, and then counted', async () => {
  const at = ['--kafka', inject('kafka'), '--prefix', `test-${randomUUID().slice(0, 8)}.`, '--partitions', '1'];
  const recordsOf = async () => ((await told('topics', 'list', ...at)) as { records: number | null }[]).map(({ records }) => records);
  const before = await recordsOf();
  expect(new Set(before)).toEqual(new Set([null]));
  expect(await told('topics', 'ensure', ...at)).toMatchObject({ created: { length: before.length }, differences: [] });
  expect(await recordsOf()).toEqual(before.map(() => 0));
  expect((await run('topics', 'ensure', ...at)).stdout).toBe('nothing to create\n');
});

test('npm start says where the dashboard is', async () => {
  const { stderr } = await execute('npm', ['start', '--silent', '--', '--events', '0', '--threads', '1'], { cwd: join(import.meta.dirname, '../..') });
  expect(stderr).toMatch(/^Dashboard: http:\/\/127\.0\.0\.1:\d+\/ \(while this runs/m);
});

test.each<[string, string[], number, RegExp]>([
  ['a command that does not exist', ['docter'], 2, /Did you mean doctor\?/],
  ['no broker', ['tail'], 2, /^usage: responses lie on a broker: --kafka host:port/],
  ['a file where a folder is meant', ['models', 'list', '--models', TANDEM], 1, /^registry_invalid: .*--models names a folder with a registry\.json/],
  ['a broker that is not there', ['tail', '--kafka', '127.0.0.1:1'], 1, /^kafka_unreachable: Kafka at 127\.0\.0\.1:1 .*ECONNREFUSED.*Is the address right/],
  ['a weight without a number', ['experiment', 'weights', 'split', 'int8', '--kafka', '127.0.0.1:1'], 2, /as int8=10: an arm, and a number of 0 or more/],
  ['an experiment’s file that is not there', ['demo', '--experiment', 'none.json'], 2, /^experiment_invalid: none\.json cannot be read: .*docs\/examples\/experiment\.json is one/],
  ['an output that cannot be written', ['backfill', '--input', TANDEM, '--output', '/nowhere/x'], 1, /^output_unwritable: \/nowhere\/x cannot be written: .*name another --output/m],
])('%s is an error that says what to do', async (_, args, expected, words) => {
  const { code, stderr } = await run(...args);
  expect(code).toBe(expected);
  expect(stderr).toMatch(words);
  expect(stderr).not.toMatch(/\n {4}at /);
});

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, inject, onTestFinished, test } from 'vitest';
import { topicName, type Response } from '@tandem/schemas';
import { temporaryFolder } from '../support/processes.ts';
import { startTandem, type Draft } from '../support/system.ts';
import { until } from '../support/until.ts';

const ENTRY = join(import.meta.dirname, '../../services/cli/tandem.ts');

interface Ended {
  code: number | null;
  stdout: string;
}

/** The command as a process of its own, ended with the test at the latest. */
function start(args: readonly string[], input?: string): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [ENTRY, 'backfill', '--json', '--log-level', 'error', ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  return { child, ended: once(child, 'close').then(([code]) => ({ code: code as number | null, stdout })) };
}

const request = (index: number): Draft => ({
  workload: 'recommend', userId: `user-${index % 20}`, input: { history: [String(1 + index), '260', '1196'], limit: 3 }, hints: { task: index % 2 === 0 ? 'coarse' : 'fine' },
});
const input = (count: number) => Array.from({ length: count }, (_, index) => `${JSON.stringify(request(index))}\n`).join('');
const linesOf = (path: string) => readFileSync(path, 'utf8').trimEnd().split('\n');
const responsesOf = (path: string) => linesOf(path).map((line) => JSON.parse(line) as Response);
const expectedIds = (job: string, count: number) => Array.from({ length: count }, (_, index) => `${job}-${index + 1}`).toSorted();

test('without a broker the whole flow runs inside the command; bad lines are reported, the others answered', async () => {
  const folder = temporaryFolder('tandem-backfill-');
  const output = join(folder, 'out.jsonl');
  const { ended } = start(['--input', '-', '--job', 'piped', '--output', output], `${input(60)}{"not":"one"}\n`);
  const { code, stdout } = await ended;
  expect(JSON.parse(stdout)).toMatchObject({ complete: true, valid: 60, answered: 60, bad: { invalid_request: 1 }, statuses: { complete: 60 } });
  expect(code).toBe(0);
  expect(responsesOf(output).map(({ requestId }) => requestId).toSorted()).toEqual(expectedIds('piped', 60));
  expect(linesOf(`${output}.errors.jsonl`).map((line) => JSON.parse(line) as unknown)).toMatchObject([{ line: 61, code: 'invalid_request' }]);
});

test('killed in the midst over Kafka, the same command goes on: every request is asked once and answered once, and can be replayed', async () => {
  await using tandem = await startTandem({ kafka: inject('kafka') });
  const { prefix } = tandem.settings;
  const folder = temporaryFolder('tandem-backfill-');
  const [file, output] = [join(folder, 'in.jsonl.gz'), join(folder, 'out.jsonl')];
  const count = 400;
  writeFileSync(file, gzipSync(input(count)));
  const where = ['--kafka', inject('kafka'), '--prefix', prefix];
  const args = [...where, '--input', file, '--job', 'night', '--output', output];

  const first = start([...args, '--rate', '40']);
  await until(() => existsSync(output) && linesOf(output).length > 50, { what: 'the first answers', timeoutMs: 60_000 });
  process.kill(first.child.pid!, 'SIGKILL');
  await first.ended;
  expect(linesOf(output).length).toBeLessThan(count);

  const { code, stdout } = await start(args).ended;
  expect(JSON.parse(stdout)).toMatchObject({ resumed: true, complete: true, valid: count, answered: count, unanswered: 0 });
  expect(code).toBe(0);
  expect(responsesOf(output).map(({ requestId }) => requestId).toSorted()).toEqual(expectedIds('night', count));
  const inLog = new Map([...tandem.client.responses].map(([requestId, [response]]) => [requestId, response]));
  for (const response of responsesOf(output)) expect(response).toEqual(inLog.get(response.requestId));
  const asked = await tandem.client.ports.log.admin.offsets(topicName(prefix, 'requests.bulk'));
  expect(asked.reduce((sum, { latest }) => sum + latest, 0)).toBe(count);
  expect(tandem.client.deadLetters).toEqual([]);

  const done = await start(args).ended;
  expect([done.code, JSON.parse(done.stdout)]).toMatchObject([0, { complete: true, answeredBefore: count }]);

  await tandem.client.ask([1, 2, 3].map((index) => ({ ...request(index), requestId: `asked-${index}` })));
  const again = join(folder, 'again.jsonl');
  const replay = await start([...where, '--replay-from', '2020-01-01T00:00Z', '--output', again, '--id-suffix', '-again']).ended;
  expect(JSON.parse(replay.stdout)).toMatchObject({ complete: true, valid: 3, answered: 3 });
  expect(responsesOf(again).map(({ requestId }) => requestId).toSorted()).toEqual(['asked-1-again', 'asked-2-again', 'asked-3-again']);
});

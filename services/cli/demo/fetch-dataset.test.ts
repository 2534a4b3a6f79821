import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { fetchDataset } from './fetch-dataset.ts';

/** A shell script that stands for both python3 and the script it runs. */
async function fakePython(body: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tandem-demo-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'python3');
  await writeFile(path, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return path;
}

async function fetchWith(body: string): Promise<{ notices: string; paths: unknown; error: unknown }> {
  let notices = '';
  const python = await fakePython(body);
  const settled = await fetchDataset({ python, script: 'fetch.py', onNotice: (text) => (notices += text) })
    .then((paths) => ({ paths, error: undefined }), (error: unknown) => ({ paths: undefined, error }));
  return { notices, ...settled };
}

test('the last line names the files, and terms and progress are passed on', async () => {
  const { paths, notices } = await fetchWith('echo "terms of use" >&2; echo noise; echo \'{"catalogue": "/c.tsv", "interactions": "/i.tsv", "users": 3}\'');
  expect(paths).toEqual({ catalogue: '/c.tsv', interactions: '/i.tsv' });
  expect(notices).toContain('terms of use');
});

test('a machine without Python is told what to install', async () => {
  const fetching = fetchDataset({ python: '/does/not/exist/python3', onNotice: () => undefined });
  await expect(fetching).rejects.toMatchObject({ code: 'python_missing', message: expect.stringContaining('apt-get install python3') });
});

test('a Python without pip is told apart from a machine without network', async () => {
  const withoutPip = await fetchWith('if [ "$1" = -m ]; then exit 1; fi; exit 2');
  expect(withoutPip.error).toMatchObject({ code: 'pip_missing', message: expect.stringContaining('python3-pip') });
  const withoutNetwork = await fetchWith('if [ "$1" = -m ]; then exit 0; fi; exit 2');
  expect(withoutNetwork.error).toMatchObject({ code: 'data_unavailable', retryable: true, message: expect.stringContaining('PIP_INDEX_URL') });
});

test('a file with another hash is not used, and the message says what to check', async () => {
  expect((await fetchWith('exit 3')).error).toMatchObject({ code: 'data_hash_mismatch', message: expect.stringContaining('SHA-256') });
});

test.each(['exit 1', 'echo "not json"', 'echo "{}"', 'true'])('any other failure is named: %s', async (body) => {
  expect((await fetchWith(body)).error).toMatchObject({ code: 'data_fetch_failed' });
});

test('every message says how to go on without the data', async () => {
  expect((await fetchWith('exit 3')).error).toMatchObject({ message: expect.stringContaining('--events 0 --serve') });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const BIN = fileURLToPath(new URL('./tandem.js', import.meta.url));
const SERVE = `'${process.execPath}' '${BIN}' demo --events 0 --serve --no-dashboard --http-port 0 --threads 1 --variants digits-small.fp32`;

it('ends, drained, when the shell between npm and it dies of a signal that was sent to npm', async () => {
  // The last command in a shell may take its place; this one stays, as npm's does.
  const shell = spawn('sh', ['-c', `${SERVE}; true`], { env: { ...process.env, npm_command: 'exec' }, stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  shell.stderr.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  while (!text.includes('Serving over')) await once(shell.stderr, 'data');
  // Of the shell and of what runs in it: it closes when the last of them has ended.
  const closed = once(shell.stderr, 'close');
  shell.kill('SIGTERM');
  await closed;
  expect(text).not.toMatch(/error/i);
}, 60_000);

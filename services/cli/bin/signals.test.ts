import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';

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

/** Makes the process that it is loaded into believe that it is run by an older Node, and hand over. */
const OLDER_NODE = 'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.0.0"}})';

it('ends by the signal that ended the one that it has handed over to', async () => {
  const broker = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void broker.close());
  await once(broker, 'listening');
  const { port } = broker.address() as AddressInfo;
  const child = spawn(process.execPath, ['--import', OLDER_NODE, BIN, 'topics', 'list', '--kafka', `127.0.0.1:${port}`], { detached: true, stdio: 'ignore' });
  await once(broker, 'connection');
  // As Ctrl-C in a terminal: to both.
  process.kill(-child.pid!, 'SIGINT');
  expect(await once(child, 'exit')).toEqual([null, 'SIGINT']);
}, 60_000);

it('ends in order by one Ctrl-C, which reaches it from the terminal and from the one that handed over to it', async () => {
  const module = fileURLToPath(new URL('../until-signal.ts', import.meta.url));
  const script = `const { abortedBySignal } = await import(${JSON.stringify(module)}); const wait = setInterval(() => {}, 1000);
    abortedBySignal().addEventListener('abort', () => { console.log('ending'); setTimeout(() => { console.log('ended'); clearInterval(wait); }, 200); }); console.log('ready');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    if (chunk.includes('ready') || chunk.includes('ending')) child.kill('SIGINT');
  });
  expect(await closed).toEqual([0, null]);
  expect(text).toBe('ready\nending\nended\n');
}, 60_000);

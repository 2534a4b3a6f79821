#!/usr/bin/env node
// Node 24 runs the TypeScript sources as they are. Started by an older Node, hand over to the one that npm installed.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../tandem.ts', import.meta.url));
const installed = fileURLToPath(new URL('../../../node_modules/node/bin/node', import.meta.url));
const LOOK_EVERY_MS = 250;

/**
 * npm runs commands in a shell and hands signals to that shell only, which dies of them and leaves this process alone. So its end is taken
 * for the signal. Without npm nothing is watched: a process may outlive whoever started it.
 */
function endWithShellOfNpm(end) {
  const { npm_command: command, npm_lifecycle_event: event } = process.env;
  if (command === undefined && event === undefined) return;
  const shell = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === shell) return;
    clearInterval(timer);
    end('SIGTERM');
  }, LOOK_EVERY_MS);
  timer.unref();
}

function handOver() {
  // Over the channel the child notices if this process is killed, and ends too.
  const child = spawn(installed, [script, ...process.argv.slice(2)], { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  endWithShellOfNpm((signal) => child.kill(signal));
  child.on('exit', (code, signal) => {
    // Ends by the same signal, which whoever started this one tells from others.
    if (signal) process.removeAllListeners(signal).kill(process.pid, signal);
    else process.exitCode = code ?? 1;
  });
}

if (Number.parseInt(process.versions.node, 10) >= 24) {
  endWithShellOfNpm((signal) => process.kill(process.pid, signal));
  await import('../tandem.ts');
} else if (existsSync(installed)) handOver();
else {
  console.error(`Tandem needs Node 24 or later; this is ${process.version}. Run "npm ci" first: it installs one for this project.`);
  process.exitCode = 1;
}

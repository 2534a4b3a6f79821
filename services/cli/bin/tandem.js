#!/usr/bin/env node
// Node 24 runs the TypeScript sources as they are. Started by an older Node, hand over to the one that npm installed.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../tandem.ts', import.meta.url));
const installed = fileURLToPath(new URL('../../../node_modules/node/bin/node', import.meta.url));

if (Number.parseInt(process.versions.node, 10) >= 24) {
  await import('../tandem.ts');
} else if (existsSync(installed)) {
  const { status, signal } = spawnSync(installed, [script, ...process.argv.slice(2)], { stdio: 'inherit' });
  if (signal) process.kill(process.pid, signal);
  else process.exitCode = status ?? 1;
} else {
  console.error(`Tandem needs Node 24 or later; this is ${process.version}. Run "npm ci" first: it installs one for this project.`);
  process.exitCode = 1;
}

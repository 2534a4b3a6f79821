import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';

const ENGINE = join(import.meta.dirname, '../index.ts');
const REGISTRY = join(import.meta.dirname, '../../registry/index.ts');
const MODELS = join(import.meta.dirname, '../../../models');
const SCRIPT = `
  import { createOnnxEngine } from ${JSON.stringify(ENGINE)};
  import { loadRegistry } from ${JSON.stringify(REGISTRY)};
  const { variants } = await loadRegistry(${JSON.stringify(MODELS)});
  await using engine = createOnnxEngine({ modelsDirectory: ${JSON.stringify(MODELS)}, threads: 1 });
  await engine.load(variants.find(({ model, precision }) => model === 'digits-small' && precision === 'fp32'));
`;

/** What a process that loads a model leaves in its user's home. */
async function leftInHome(settings: Record<string, string>): Promise<string[]> {
  const home = mkdtempSync(join(tmpdir(), 'tandem-home-'));
  onTestFinished(() => rmSync(home, { recursive: true }));
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', SCRIPT], { env: { HOME: home, ...settings } });
  return readdirSync(home, { recursive: true }).map(String);
}

test('the runtime does not tell its maker what is run, and gives the machine no id', { timeout: 60_000 }, async () => {
  expect(await leftInHome({})).toEqual([]);
});

test.runIf(process.platform === 'linux' && process.arch === 'x64')('who wants it to may say so', { timeout: 60_000 }, async () => {
  expect(await leftInHome({ ORT_DISABLE_TELEMETRY: '0' })).not.toEqual([]);
});

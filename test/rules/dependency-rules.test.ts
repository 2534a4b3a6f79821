import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cruise, type IConfiguration, type ICruiseResult } from 'dependency-cruiser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const configuration = createRequire(import.meta.url)('../../.dependency-cruiser.cjs') as IConfiguration;

/** A miniature of the repository. Every import that breaks a rule stands in a file of its own. */
const manifest = (name: string, dependencies: object, exports: object): string =>
  JSON.stringify({ name, type: 'module', exports, dependencies, devDependencies: { tool: '*' } });

/** A package as npm would have installed it. */
const installed = (name: string): Record<string, string> => ({
  [`node_modules/${name}/package.json`]: manifest(name, {}, { '.': './index.js' }),
  [`node_modules/${name}/index.js`]: 'export const client = 1;',
});

const sound: Record<string, string> = {
  'package.json': JSON.stringify({ name: 'miniature', workspaces: ['schemas', 'shared', 'services/*'] }),
  ...installed('zod'),
  ...installed('kafkajs'),
  ...installed('ioredis'),
  ...installed('onnxruntime-node'),
  ...installed('tool'),
  'schemas/package.json': manifest('@tandem/schemas', { zod: '*' }, { '.': './index.ts' }),
  'schemas/index.ts': `import 'zod'; export const schema = 1;`,
  'schemas/generate/main.ts': `import 'tool'; import '../index.ts';`,
  'shared/package.json': manifest(
    '@tandem/shared',
    { '@tandem/schemas': '*', kafkajs: '*', ioredis: '*', 'onnxruntime-node': '*' },
    { './log': './log/index.ts', './core': './core/index.ts' },
  ),
  'shared/log/types.ts': 'export interface EventLog { name: string }',
  'shared/log/index.ts': `export type { EventLog } from './types.ts'; export { log } from './kafka/log.ts';`,
  'shared/log/kafka/log.ts': `import 'kafkajs'; export const log = 1; export interface KafkaLog { name: string }`,
  'shared/cache/redis/cache.ts': `import 'ioredis';`,
  'shared/engine/session.ts': `import 'onnxruntime-node';`,
  'shared/core/index.ts':
    `import type { EventLog } from '../log/types.ts'; import { schema } from '@tandem/schemas';
     export const core = (log: EventLog): string => log.name + schema;`,
  'services/worker/package.json': manifest('@tandem/worker', { '@tandem/shared': '*' }, { '.': './index.ts' }),
  'services/worker/index.ts': `import '@tandem/shared/core';`,
  'services/fusion/package.json': manifest('@tandem/fusion', { '@tandem/worker': '*' }, { '.': './index.ts' }),
  'services/fusion/index.ts': 'export const fusion = 1;',
  'services/cli/package.json': manifest('@tandem/cli', { '@tandem/worker': '*' }, { '.': './index.ts' }),
  'services/cli/main.ts': `import '@tandem/worker';`,
  'test/main.ts': `import '@tandem/worker';`,
};

const planted: { rule: string; file: string; source: string; also?: Record<string, string> }[] = [
  { rule: 'schemas-are-a-leaf', file: 'schemas/a.ts', source: `import 'kafkajs';` },
  { rule: 'schemas-are-a-leaf', file: 'schemas/b.ts', source: `import 'node:fs';` },
  { rule: 'schema-generator-is-a-leaf', file: 'schemas/generate/a.ts', source: `import '@tandem/shared/core';` },
  { rule: 'shared-knows-no-services', file: 'shared/log/a.ts', source: `import '@tandem/worker';` },
  { rule: 'services-know-no-services', file: 'services/fusion/a.ts', source: `import '@tandem/worker';` },
  { rule: 'product-code-knows-no-tests', file: 'shared/log/b.ts', source: `import './b.test.ts';`, also: { 'shared/log/b.test.ts': '' } },
  { rule: 'core-is-pure', file: 'shared/core/a.ts', source: `import { log } from '../log/index.ts'; log;` },
  { rule: 'core-knows-port-types-only', file: 'shared/core/b.ts', source: `import type { KafkaLog } from '../log/kafka/log.ts'; export type B = KafkaLog;` },
  { rule: 'core-uses-no-node-built-ins', file: 'shared/core/c.ts', source: `import 'node:fs';` },
  { rule: 'core-uses-pure-libraries-only', file: 'shared/core/d.ts', source: `import 'kafkajs';` },
  { rule: 'kafkajs-behind-its-port', file: 'shared/log/c.ts', source: `import 'kafkajs';` },
  { rule: 'ioredis-behind-its-port', file: 'shared/cache/a.ts', source: `import 'ioredis';` },
  { rule: 'onnxruntime-behind-its-port', file: 'shared/log/d.ts', source: `import type { X } from 'onnxruntime-node'; export type Y = X;` },
  { rule: 'packages-by-name', file: 'services/worker/a.ts', source: `import '../../shared/log/index.ts';` },
  { rule: 'packages-by-name-from-outside', file: 'test/a.ts', source: `import '../shared/log/index.ts';` },
  { rule: 'no-unresolvable', file: 'services/worker/b.ts', source: `import '@tandem/shared/log/kafka/log.ts';` },
  { rule: 'no-undeclared-dependencies', file: 'services/worker/c.ts', source: `import 'zod';` },
  { rule: 'no-development-dependencies', file: 'services/worker/d.ts', source: `import 'tool';` },
  { rule: 'undeclared-workspace-in-schemas', file: 'schemas/c.ts', source: `import '@tandem/shared/core';` },
  { rule: 'no-cycles', file: 'shared/log/e.ts', source: `import './f.ts';`, also: { 'shared/log/f.ts': `import './e.ts';` } },
];

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'dependency-rules-'));
  await write(sound);
  await mkdir(join(root, 'node_modules/@tandem'));
  for (const [name, folder] of [['schemas', 'schemas'], ['shared', 'shared'], ['worker', 'services/worker']] as const) {
    await symlink(join(root, folder), join(root, 'node_modules/@tandem', name));
  }
});

afterAll(() => rm(root, { recursive: true, force: true }));

async function write(files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}

async function violations(): Promise<{ rule: string; from: string }[]> {
  const options = configuration.options ?? {};
  const result = await cruise(
    ['schemas', 'shared', 'services', 'test'],
    { ...options, baseDir: root, validate: true, ruleSet: { forbidden: configuration.forbidden ?? [] } },
    { ...options.enhancedResolveOptions, bustTheCache: true },
  );
  const { summary } = result.output as ICruiseResult;
  return summary.violations.map(({ rule, from }) => ({ rule: rule.name, from }));
}

describe('the dependency rules', () => {
  it('let a repository pass that keeps to them', async () => {
    expect(await violations()).toEqual([]);
  });

  it('name each planted violation', async () => {
    for (const { file, source, also } of planted) await write({ [file]: source, ...also });
    const found = await violations();
    for (const { rule, file } of planted) expect(found).toContainEqual({ rule, from: file });
  });

  it('each have a planted violation', () => {
    const names = (configuration.forbidden ?? []).map(({ name }) => name);
    const proven = planted.map(({ rule }) => rule);
    const unproven = names.filter((name) => !proven.includes(name ?? '') && !name?.startsWith('undeclared-workspace'));
    expect(unproven).toEqual([]);
  });
});

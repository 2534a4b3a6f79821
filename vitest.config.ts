import { defineConfig } from 'vitest/config';

/** Tests of the tests' own tools: they need no server. */
const tools = ['test/rules/**/*.test.ts', 'test/faults/**/*.test.ts', 'test/simulation/**/*.test.ts'];
/** Minutes of waiting: `npm run test:long`. */
const long = ['test/**/*.long.test.ts'];
const unit = ['schemas/**/*.test.ts', 'shared/**/*.test.ts', 'services/**/*.test.ts', 'bench/**/*.test.ts', ...tools];

/** Of `expect.poll`: a second is nothing on a machine with other work. */
const poll = { timeout: 15_000 };

const onServers = {
  globalSetup: ['test/support/global-setup.ts'],
  testTimeout: 90_000,
  hookTimeout: 120_000,
  // Many of them wait most of the time: for sessions to run out, brokers to come back.
  maxWorkers: 3,
  expect: { poll },
};

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: unit, testTimeout: 20_000, hookTimeout: 60_000, maxWorkers: 3, expect: { poll } } },
      { test: { name: 'integration', include: ['test/**/*.test.ts'], exclude: [...tools, ...long], ...onServers } },
      { test: { name: 'long', include: long, ...onServers } },
    ],
    coverage: { provider: 'v8', include: ['schemas/**/*.ts', 'shared/**/*.ts', 'services/**/*.ts'], exclude: ['**/*.test.ts'] },
  },
});

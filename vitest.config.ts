import { defineConfig } from 'vitest/config';

const rules = 'test/rules/**/*.test.ts';
const unit = ['schemas/**/*.test.ts', 'shared/**/*.test.ts', 'services/**/*.test.ts', 'bench/**/*.test.ts', rules];

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: unit, testTimeout: 20_000 } },
      {
        test: {
          name: 'integration',
          include: ['test/**/*.test.ts'],
          exclude: [rules],
          globalSetup: ['test/support/global-setup.ts'],
          testTimeout: 90_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
    coverage: { provider: 'v8', include: ['schemas/**/*.ts', 'shared/**/*.ts', 'services/**/*.ts'], exclude: ['**/*.test.ts'] },
  },
});

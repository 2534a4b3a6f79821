// @ts-check
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const noDefaultExport = { selector: 'ExportDefaultDeclaration', message: 'Export by name.' };
const noExportAll = { selector: 'ExportAllDeclaration', message: 'Name what is exported.' };
const noPrivateKeyword = {
  selector: ':matches(PropertyDefinition, MethodDefinition[kind!="constructor"])[accessibility="private"]',
  message: 'Use #private, which holds at run time too.',
};
const noEnvironment = [
  'MemberExpression[object.name="process"][property.name="env"]',
  'VariableDeclarator[init.name="process"] Property[key.name="env"]',
  'ImportDeclaration[source.value=/^(node:)?process$/] ImportSpecifier[imported.name="env"]',
].map((selector) => ({ selector, message: 'Only shared/config and services/cli read the environment.' }));
const noAmbientTime = [
  'MemberExpression[object.name="Date"][property.name="now"]',
  'NewExpression[callee.name="Date"][arguments.length=0]',
  'MemberExpression[object.name="performance"][property.name="now"]',
  'MemberExpression[object.name="Math"][property.name="random"]',
].map((selector) => ({ selector, message: 'The core is pure: pass in a Clock or Random from @tandem/shared/clock.' }));

const noHaste = [
  {
    selector: 'CallExpression[callee.object.name="vi"][callee.property.name="waitFor"][arguments.length=1]',
    message: 'It waits for a second, which a machine with other work may need: say how long.',
  },
  {
    selector: 'CallExpression[callee.name="expect"] > AwaitExpression CallExpression[callee.property.name=/^(allInnerTexts|allTextContents|innerText|textContent|inputValue|count|is(Checked|Disabled|Enabled|Hidden|Visible))$/]',
    message: 'A page is read before it shows what is meant: expect.poll(() => …).',
  },
];

const everywhere = [noExportAll, noPrivateKeyword, ...noHaste];
const allOver = [...everywhere, noDefaultExport, ...noEnvironment];

/** @param {{ selector: string, message: string }[]} patterns @returns {import('eslint').Linter.RuleEntry} */
const forbid = (...patterns) => ['error', ...patterns];

export default defineConfig(
  globalIgnores(['**/node_modules/', 'coverage/', 'schemas/generated/', 'models/', 'tools/', '**/.cache/', '**/.venv/']),
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: 'error',
      'no-console': 'error',
      'no-restricted-syntax': forbid(...allOver),
      'max-lines': ['error', 400],
      'max-lines-per-function': ['error', { max: 60, skipComments: true, skipBlankLines: true, IIFEs: true }],
      'max-depth': ['error', 4],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // An async method of a port need not await in every implementation.
      // What is not awaited outlives the try, and what it uses (`await using`).
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['shared/core/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-syntax': forbid(...allOver, ...noAmbientTime),
      'no-restricted-globals': ['error', 'process', 'setTimeout', 'setInterval', 'setImmediate', 'fetch'],
    },
  },
  {
    files: ['shared/config/**/*.ts', 'services/cli/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts'],
    rules: { 'no-restricted-syntax': forbid(...everywhere, noDefaultExport) },
  },
  { files: ['services/cli/**/*.ts', 'bench/**/*.ts', 'schemas/generate/**/*.ts'], rules: { 'no-console': 'off' } },
  {
    files: ['**/*.test.ts', 'test/**/*.ts', 'bench/**/*.ts'],
    rules: {
      'max-lines-per-function': 'off',
      // Tests look into records of unknown shape and pass methods of stubs around.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/unbound-method': 'off',
      // What a stage returns at once and what it returns later are awaited alike.
      '@typescript-eslint/await-thenable': 'off',
    },
  },
  { files: ['*.config.ts'], rules: { 'no-restricted-syntax': forbid(...everywhere) } },
);

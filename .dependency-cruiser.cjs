// Who may import whom: schemas ← shared ← services; decisions know no I/O; each client library has one home.
// test/rules/dependency-rules.test.ts plants a violation of each rule.

const { readFileSync, readdirSync } = require('node:fs');
const { join } = require('node:path');

const TEST_CODE = '\\.test\\.ts$';
const NODE_MODULE = (...names) => `(^|/)node_modules/(${names.join('|')})/`;

const readManifest = (folder) => JSON.parse(readFileSync(join(__dirname, folder, 'package.json'), 'utf8'));
const services = readdirSync(join(__dirname, 'services')).map((name) => `services/${name}`);
const workspaces = ['schemas', 'shared', ...services].map((folder) => ({ folder, manifest: readManifest(folder) }));

/** The cruiser checks what npm installed; links to other workspaces it does not look up, so these rules do. */
function undeclaredWorkspaces({ folder, manifest }) {
  const declared = Object.keys(manifest.dependencies ?? {});
  const undeclared = workspaces.filter((other) => other.folder !== folder && !declared.includes(other.manifest.name));
  return {
    name: `undeclared-workspace-in-${folder.replace('/', '-')}`,
    comment: `${folder}/package.json does not name that workspace among its dependencies.`,
    severity: 'error',
    from: { path: `^${folder}/`, pathNot: TEST_CODE },
    to: { path: `^(${undeclared.map((other) => other.folder).join('|')})/` },
  };
}

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Modules that import each other cannot be read, tested or moved one at a time.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-unresolvable',
      comment: 'The file does not exist, or the package does not export that path (deep imports are not exported).',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'schemas-are-a-leaf',
      comment: 'schemas/ is what other languages would read: it imports zod and nothing else.',
      severity: 'error',
      from: { path: '^schemas/', pathNot: ['^schemas/generate/', TEST_CODE] },
      to: { pathNot: ['^schemas/', NODE_MODULE('zod')] },
    },
    {
      name: 'schema-generator-is-a-leaf',
      comment: 'The generator reads schemas/ and writes files.',
      severity: 'error',
      from: { path: '^schemas/generate/' },
      to: { path: '^(shared|services|test|bench)/' },
    },
    {
      name: 'shared-knows-no-services',
      severity: 'error',
      from: { path: '^shared/' },
      to: { path: '^(services|test|bench)/', pathNot: '^test/(conformance|support)/' },
    },
    {
      name: 'services-know-no-services',
      comment: 'Stages meet only through the log. services/cli, the composition root, is the one exception.',
      severity: 'error',
      from: { path: '^services/([^/]+)/', pathNot: '^services/cli/' },
      to: { path: '^services/', pathNot: '^services/$1/' },
    },
    {
      name: 'product-code-knows-no-tests',
      severity: 'error',
      from: { path: '^(schemas|shared|services)/', pathNot: TEST_CODE },
      to: { path: [TEST_CODE, '^(test|bench)/', NODE_MODULE('vitest', 'fast-check', 'testcontainers')] },
    },
    {
      name: 'core-is-pure',
      comment: 'Decisions get clock, randomness and data passed in. Of the ports they may know the types only.',
      severity: 'error',
      from: { path: '^shared/core/', pathNot: TEST_CODE },
      to: { path: '^shared/', pathNot: ['^shared/core/', '^shared/collections/', '^shared/errors/'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'core-knows-port-types-only',
      comment: 'A type out of an implementation ties the core to it all the same.',
      severity: 'error',
      from: { path: '^shared/core/', pathNot: TEST_CODE },
      to: { path: '^shared/', pathNot: ['^shared/(collections|core|errors)/', '^shared/[^/]+/(types|index)\\.ts$'] },
    },
    {
      name: 'core-uses-no-node-built-ins',
      severity: 'error',
      from: { path: '^shared/core/', pathNot: TEST_CODE },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?assert' },
    },
    {
      // yalps only computes: linear programs.
      name: 'core-uses-pure-libraries-only',
      severity: 'error',
      from: { path: '^shared/core/', pathNot: TEST_CODE },
      to: { path: NODE_MODULE('[^/]+'), pathNot: NODE_MODULE('zod', 'yalps', '@types') },
    },
    {
      name: 'kafkajs-behind-its-port',
      severity: 'error',
      from: { path: '^(schemas|shared|services)/', pathNot: '^shared/log/kafka/' },
      to: { path: NODE_MODULE('kafkajs') },
    },
    {
      name: 'ioredis-behind-its-port',
      severity: 'error',
      from: { path: '^(schemas|shared|services)/', pathNot: '^shared/cache/redis/' },
      to: { path: NODE_MODULE('ioredis') },
    },
    {
      name: 'onnxruntime-behind-its-port',
      severity: 'error',
      from: { path: '^(schemas|shared|services)/', pathNot: '^shared/engine/' },
      to: { path: NODE_MODULE('onnxruntime-(node|common)') },
    },
    {
      name: 'packages-by-name',
      comment: 'Across packages: @tandem/schemas or @tandem/shared/<folder>, never a relative path.',
      severity: 'error',
      from: { path: '^(schemas|shared|services/[^/]+)/' },
      to: { path: '^(schemas|shared|services)/', pathNot: '^$1/', dependencyTypes: ['local'] },
    },
    {
      name: 'packages-by-name-from-outside',
      comment: 'Tests and benchmarks put a system together as the command line does, replay what its demo replays and break what its doctor looks at; everything else they reach by name.',
      severity: 'error',
      from: { path: '^(test|bench)/' },
      to: { path: '^(schemas|shared|services)/', pathNot: '^services/cli/((compose|demo)/|(doctor/testing|garbage-collection)\\.ts$)', dependencyTypes: ['local'], dependencyTypesNot: ['aliased-workspace'] },
    },
    {
      name: 'no-undeclared-dependencies',
      comment: 'npm hoists, so an import that the nearest package.json does not name would work by accident.',
      severity: 'error',
      from: { path: '^(schemas|shared|services)/', pathNot: TEST_CODE },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-development-dependencies',
      comment: 'They are not installed where the product runs.',
      severity: 'error',
      from: { path: '^(schemas|shared|services)/', pathNot: [TEST_CODE, '^schemas/generate/'] },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm'] },
    },
    ...workspaces.map(undeclaredWorkspaces),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(schemas/generated|models)/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
      extensions: ['.ts', '.js', '.json'],
    },
  },
};

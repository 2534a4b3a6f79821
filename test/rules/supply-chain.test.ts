import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { auditVerdict } from '../../deploy/supply-chain/audit-verdict.ts';
import { lockedPackages, productionPackages, type BillOfMaterials, type LockFile } from '../../deploy/supply-chain/bill-of-materials.ts';
import { temporaryFolder } from '../support/processes.ts';

const REPOSITORY = join(import.meta.dirname, '../..');
const EXACT = /^\d+\.\d+\.\d+(-[\w.]+)?(\+[\w.]+)?$/;

interface Manifest {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

const read = <Content>(file: string): Content => JSON.parse(readFileSync(join(REPOSITORY, file), 'utf8')) as Content;
const lock = read<LockFile>('package-lock.json');
const manifests = Object.keys(lock.packages).filter((path) => !path.includes('node_modules/')).map((path) => join(path, 'package.json'));

describe('the lock file', () => {
  test('pins every package to one version and its bytes', () => {
    const loose = lockedPackages(lock).filter(({ locked: { version = '', integrity = '' } }) => !EXACT.test(version) || !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity));
    expect(loose.map(({ path }) => path)).toEqual([]);
    expect(lockedPackages(lock).length).toBeGreaterThan(100);
  });

  test('takes nothing from elsewhere than a registry over TLS', () => {
    const elsewhere = lockedPackages(lock).filter(({ locked: { resolved } }) => resolved !== undefined && !resolved.startsWith('https://'));
    expect(elsewhere.map(({ path }) => path)).toEqual([]);
  });

  test.each(manifests)('%s asks for exact versions, which are those that are locked', (file) => {
    const { dependencies = {}, devDependencies = {}, optionalDependencies = {} } = read<Manifest>(file);
    const wanted = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies }).filter(([name]) => !name.startsWith('@tandem/'));
    expect(wanted.filter(([, version]) => !EXACT.test(version))).toEqual([]);
    const ids = new Set(lockedPackages(lock).map(({ id }) => id));
    expect(wanted.map(([name, version]) => `${name}@${version}`).filter((id) => !ids.has(id))).toEqual([]);
  });
});

describe('npm run sbom', () => {
  const file = join(temporaryFolder('tandem-sbom-'), 'sbom.json');
  execFileSync(process.execPath, [join(REPOSITORY, 'deploy/supply-chain/sbom.ts'), file]);
  const bill = JSON.parse(readFileSync(file, 'utf8')) as BillOfMaterials;
  const named = bill.components.map(({ name, version }) => `${name}@${version}`);

  test('names every package that runs in production, and none that serves development alone', () => {
    const production = productionPackages(lock);
    const wanted = Object.entries(read<Manifest>('shared/package.json').dependencies ?? {}).filter(([name]) => !name.startsWith('@tandem/'));
    for (const [name, version] of wanted) expect(production, name).toContain(`${name}@${version}`);
    expect([...production].filter((id) => !named.includes(id))).toEqual([]);
    const development = new Set(lockedPackages(lock).map(({ id }) => id).filter((id) => !production.has(id)));
    expect(named.filter((id) => development.has(id))).toEqual([]);
  });

  test('is CycloneDX: what it must say is there, refers to what is in it, and tells each package by its bytes', () => {
    expect(bill).toMatchObject({ bomFormat: 'CycloneDX', specVersion: expect.stringMatching(/^1\.\d$/), version: 1, metadata: { component: { name: 'tandem' } } });
    const refs = [bill.metadata.component, ...bill.components].map((one) => one['bom-ref']);
    expect(new Set(refs).size).toBe(refs.length);
    for (const { ref, dependsOn } of bill.dependencies) expect(refs, ref).toEqual(expect.arrayContaining([ref, ...dependsOn]));
    const production = productionPackages(lock);
    for (const { type, name, version, purl, hashes = [] } of bill.components) {
      expect(type).toBe('library');
      // The others are our own workspaces.
      if (!production.has(`${name}@${version}`)) continue;
      expect(purl).toBe(`pkg:npm/${name.replace('@', '%40')}@${version}`);
      expect(hashes, name).toContainEqual({ alg: 'SHA-512', content: expect.stringMatching(/^[0-9a-f]{128}$/) });
    }
  });
});

describe('npm run audit', () => {
  const counts = (total: number) => ({ metadata: { vulnerabilities: { total } } });

  test.each([
    ['nothing is known', JSON.stringify(counts(0)), '', 0, /^audited: no known/],
    ['something is known', JSON.stringify({ ...counts(1), vulnerabilities: { leftpad: { severity: 'high', range: '<2' } } }), '', 1, /^audited: 1 known vulnerability\n {2}leftpad <2 \(high\)$/],
    ['the registry refuses', '{"message":"405 Method Not Allowed","statusCode":405}', '', 2, /^not audited: .*405/],
    ['nobody answers', '', 'npm error network timeout', 2, /^not audited: .*timeout/],
  ])('says so where %s, and ends accordingly', (_, stdout, stderr, exitCode, text) => {
    expect(auditVerdict(stdout, stderr)).toEqual({ exitCode, text: expect.stringMatching(text) as string });
  });
});

import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { withoutDevelopment, type BillOfMaterials, type LockFile } from './bill-of-materials.ts';

const ROOT = join(import.meta.dirname, '../..');
const MAX_BYTES = 64 * 1_048_576;

const read = <Content>(file: string): Content => JSON.parse(readFileSync(join(ROOT, file), 'utf8')) as Content;
const [file = join(ROOT, 'sbom.json')] = process.argv.slice(2);

const { stdout } = await promisify(execFile)('npm', ['sbom', '--sbom-format=cyclonedx'], { cwd: ROOT, maxBuffer: MAX_BYTES });
const bill = withoutDevelopment(JSON.parse(stdout) as BillOfMaterials, read<LockFile>('package-lock.json'), read<{ name: string }>('package.json').name);
writeFileSync(file, `${JSON.stringify(bill, undefined, 2)}\n`);
process.stdout.write(`${bill.components.length} components in ${file}\n`);

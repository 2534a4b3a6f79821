import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { auditVerdict } from './audit-verdict.ts';

const ROOT = join(import.meta.dirname, '../..');
const MAX_BYTES = 64 * 1_048_576;

const { stdout, stderr } = spawnSync('npm', ['audit', '--json', ...process.argv.slice(2)], { cwd: ROOT, encoding: 'utf8', maxBuffer: MAX_BYTES });
const { text, exitCode } = auditVerdict(stdout, stderr);
process.stdout.write(`${text}\n`);
process.exitCode = exitCode;

// node .ci/counts.mjs REPORT STATUS
// Prints "N passed, N failed" from Vitest's JSON report. A file that could not be loaded counts as one failure,
// and so does anything else that made the run fail: a type error, the linter, an unhandled rejection.
import { existsSync, readFileSync } from 'node:fs';

const [path, status] = process.argv.slice(2);
const report = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : { numPassedTests: 0, numFailedTests: 0, testResults: [] };
const isBroken = (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed');
const failed = report.numFailedTests + report.testResults.filter(isBroken).length;
console.log(`${report.numPassedTests} passed, ${status === '0' ? failed : Math.max(failed, 1)} failed`);

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const LOGGER = join(import.meta.dirname, 'logger.ts');
const MARK = 'SECRET4711';

/** What a process writes that logs such a line. */
function logged(call: string): string {
  return lastError(`import { createLogger } from ${JSON.stringify(LOGGER)}; const logger = createLogger({ level: 'trace', secrets: ['known-${MARK}'] }); ${call}`);
}

/** Lines go to standard error. */
function lastError(script: string): string {
  return execFileSync('sh', ['-c', '"$0" --input-type=module -e "$1" 2>&1 >/dev/null', process.execPath, script], { encoding: 'utf8' });
}

test.each([
  ['a password of its own', `logger.info({ password: '${MARK}' }, 'x')`],
  ['a SASL configuration', `logger.info({ options: { sasl: { username: 'a', password: '${MARK}' } } }, 'x')`],
  ['a library’s error with its command', `logger.error({ err: Object.assign(new Error('AUTH failed'), { command: { name: 'auth', args: ['${MARK}'] } }) }, 'x')`],
  ['an address', `logger.warn({ err: new Error('connect redis://u:${MARK}@host:6379') }, 'x')`],
  ['an address in the message', `logger.warn('https://u:${MARK}@host/x is away')`],
  ['a known secret anywhere', `logger.trace({ a: { b: ['known-${MARK}'] } }, 'known-${MARK}')`],
  ['a token', `logger.info({ headers: { authorization: 'Bearer ${MARK}' } }, 'x')`],
  ['a whole record', `logger.info({ record: { topic: 't', value: Buffer.from('${MARK}') } }, 'x')`],
  ['what a user sent', `logger.info({ request: { requestId: 'r', input: { history: ['${MARK}'] } } }, 'x')`],
  ['a body', `logger.info({ body: '${MARK}' }, 'x')`],
])('a line shows neither secrets nor payloads: %s', (_what, call) => {
  const text = logged(call);
  expect(JSON.parse(text.trim().split('\n')[0] ?? '')).toMatchObject({ level: expect.any(Number) as number, time: expect.any(String) as string });
  expect(text).not.toContain(MARK);
  expect(text).not.toContain(Buffer.from(MARK).join(','));
});

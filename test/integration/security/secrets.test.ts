import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest';
import { createKafkaLog } from '@tandem/shared/log';
import { silentLogger } from '@tandem/shared/telemetry';
import { Authority } from '../../support/certificates.ts';
import { startCommand } from '../../support/cluster.ts';
import { freePort, temporaryFolder } from '../../support/processes.ts';
import { startRedisServer, type RedisServer } from '../../support/redis-server.ts';
import { startSecureKafka, type SecureKafka } from '../../support/secure-kafka.ts';
import { until } from '../../support/until.ts';

const ENTRY = join(import.meta.dirname, '../../../services/cli/tandem.ts');
/** In every secret of this file, so that a part of one is found too. */
const MARK = /SECRET/;
const KAFKA_SECRET = 'kafkaSECRET+4711/x';
const REDIS_SECRET = 'redisSECRET+4711/x';

let authority: Authority;
let kafka: SecureKafka;
let redis: RedisServer;

beforeAll(async () => {
  authority = await Authority.create();
  [kafka, redis] = await Promise.all([
    startSecureKafka({ authority, users: { alice: 'another' } }),
    startRedisServer({ args: ['--user', 'default', 'off', '--user', 'app', 'on', '>other', '~*', '+@all'] }),
  ]);
});

afterAll(async () => {
  await Promise.allSettled([kafka?.broker.stop(), redis?.stop()]);
});

interface Ended {
  code: number;
  output: string;
}

/** Runs a command to its end and returns everything it wrote. */
async function run(args: readonly string[], environment: Record<string, string> = {}): Promise<Ended> {
  const env = { ...process.env, TANDEM_LOG_LEVEL: 'trace', TANDEM_HTTP_PORT: '0', ...environment };
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [ENTRY, ...args], { env, timeout: 80_000 });
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: number; stdout?: string; stderr?: string };
    return { code: code ?? -1, output: stdout + stderr };
  }
}

const login = () => ({ TANDEM_KAFKA: kafka.scram, TANDEM_KAFKA_CA: authority.ca, TANDEM_KAFKA_SASL: 'scram-sha-512', TANDEM_KAFKA_USERNAME: 'alice', TANDEM_KAFKA_PASSWORD: KAFKA_SECRET });
const redisUrl = (password = encodeURIComponent(REDIS_SECRET)) => redis.url.replace('//', `//app:${password}@`);

const failing: [what: string, code: string, args: () => string[], environment: () => Record<string, string>][] = [
  ['a wrong Kafka password', 'kafka_authentication', () => ['stage', 'fusion'], login],
  ['a wrong Kafka password, for a cluster', 'kafka_authentication', () => ['cluster'], login],
  ['a wrong Kafka host', 'kafka_unreachable', () => ['topics', 'list', '--kafka', '127.0.0.1:1'], login],
  ['a wrong authority', 'kafka_tls', () => ['topics', 'list'], () => ({ ...login(), TANDEM_KAFKA_CA: '', TANDEM_KAFKA_TLS: 'on' })],
  ['a combination that cannot be', 'settings_invalid', () => ['stage', 'worker', '--kafka-oauth-module', 'x.ts'], login],
  ['a password without a mechanism', 'settings_invalid', () => ['stage', 'worker'], () => ({ ...login(), TANDEM_KAFKA_SASL: '' })],
  ['a broker with credentials', 'settings_invalid', () => ['topics', 'list', '--kafka', `alice:${KAFKA_SECRET}@k:9092`], () => ({})],
  ['a password as a flag', 'unknown option', () => ['topics', 'list', `--kafka-password=${KAFKA_SECRET}`], () => ({})],
  ['a password as a flag, apart', 'unknown option', () => ['topics', 'list', '--kafka-password', KAFKA_SECRET], () => ({})],
  ['a wrong Redis password in the address', 'cache_authentication', () => ['stage', 'fusion', '--redis', redisUrl()], () => ({ TANDEM_KAFKA: inject('kafka') })],
  ['a wrong Redis password', 'cache_authentication', () => ['stage', 'fusion', '--redis', redis.url], () => ({ TANDEM_KAFKA: inject('kafka'), TANDEM_REDIS_USERNAME: 'app', TANDEM_REDIS_PASSWORD: REDIS_SECRET })],
  ['an address of another kind', 'settings_invalid', () => ['demo', '--redis', redisUrl().replace('redis:', 'http:')], () => ({})],
  ['a settings file that is not YAML', 'settings_file', () => ['topics', 'list', '--config', settingsFile(`kafkaPassword: "${KAFKA_SECRET}\nx: [`)], () => ({})],
  ['a setting of a wrong type in a file', 'settings_invalid', () => ['topics', 'list', '--config', settingsFile(`kafkaPassword: ["${KAFKA_SECRET}"]`)], () => ({})],
  ['a token that is none', 'oauth_token', () => ['topics', 'list', '--kafka', kafka.oauth, '--kafka-ca', authority.ca, '--kafka-sasl', 'oauthbearer', '--kafka-oauth-module', tokenModule(`return { value: '${KAFKA_SECRET} x' };`)], () => ({})],
  ['a token that is refused', 'kafka_authentication', () => ['topics', 'list', '--kafka', kafka.oauth, '--kafka-ca', authority.ca, '--kafka-sasl', 'oauthbearer', '--kafka-oauth-module', tokenModule("return { value: 'SECRET4711' };")], () => ({})],
];

test.concurrent.each(failing)('%s: %s, and no secret is shown', async (_what, code, args, environment) => {
  const { code: exitCode, output } = await run(args(), environment());
  expect(exitCode).not.toBe(0);
  expect(output).toContain(code);
  expect(output).not.toMatch(MARK);
});

test.concurrent.each([['--help'], ['stage', '--help'], ['cluster', '--help'], ['topics', 'acls', '--help'], ['topics', 'acls'], ['models', 'list']])('%s %s … shows no secret', async (...args) => {
  const { code, output } = await run(args, login());
  expect(code).toBe(0);
  expect(output).not.toMatch(MARK);
});

test('children of a cluster have secrets neither on their command lines nor in their logs', async () => {
  const open = await startRedisServer({ args: ['--user', 'default', 'off', '--user', 'app', 'on', `>${REDIS_SECRET}`, '~*', '+@all'] });
  onTestFinished(() => open.stop());
  const address = open.url.replace('//', `//app:${encodeURIComponent(REDIS_SECRET)}@`);
  const prefix = `ps-${Date.now()}.`;
  const cluster = startCommand(['cluster', '--kafka', inject('kafka'), '--redis', address, '--prefix', prefix, '--http-port', '0', '--log-level', 'trace', '--variants', 'recommend-small.fp32']);
  onTestFinished(async () => void (await cluster.stop()));
  await until(() => (cluster.log().match(/"started"/g)?.length ?? 0) === 4, { timeoutMs: 80_000, what: () => `the stages to start: ${cluster.log()}` });
  await until(() => cluster.log().includes('"running"'), { timeoutMs: 80_000, what: () => `a stage to run: ${cluster.log()}` });
  const pids = [...cluster.log().matchAll(/"pid":(\d+),"msg":"started"/g)].map(([, pid]) => pid ?? '');
  expect(pids).toHaveLength(4);
  for (const pid of pids) {
    const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    expect(commandLine).toContain('stage');
    expect(commandLine).not.toMatch(MARK);
  }
  expect(cluster.log()).not.toMatch(MARK);
});

test('what goes to a collector holds no secret of the command line', async () => {
  let sent = '';
  const collector = createHttpServer((request, response) => void buffer(request).then((body) => {
    sent += body.toString('latin1');
    response.end();
  })).listen(0, '127.0.0.1');
  onTestFinished(() => void collector.close());
  await once(collector, 'listening');
  const endpoint = `http://app:${encodeURIComponent(REDIS_SECRET)}@127.0.0.1:${(collector.address() as AddressInfo).port}`;
  const prefix = `otlp-${Date.now()}.`;
  const stage = startCommand(['stage', 'classifier', '--kafka', inject('kafka'), '--prefix', prefix, '--otlp-endpoint', endpoint, '--instance', 'traced-classifier', '--http-port', '0', '--log-level', 'info']);
  onTestFinished(async () => void (await stage.stop()));
  await until(() => stage.log().includes('"running"'), { timeoutMs: 60_000, what: () => stage.log() });
  await using log = createKafkaLog({ brokers: inject('kafka').split(','), clientId: 'sender', logger: silentLogger });
  await (await log.producer()).send([{ topic: `${prefix}requests`, key: 'u', value: '{"requestId":"r","workload":"recommend","userId":"u","input":{"history":["1"]}}' }]);
  await until(() => sent.includes('classifier'), { timeoutMs: 60_000, what: () => `a span; sent so far: ${sent}` });
  expect(sent).toContain('traced-classifier');
  expect(sent).not.toMatch(MARK);
});

test('a Redis that is away is said without its password', async () => {
  const port = await freePort();
  const silent = createServer((socket) => void socket.destroy()).listen(port, '127.0.0.1');
  onTestFinished(() => void silent.close());
  await once(silent, 'listening');
  const stage = startCommand(['stage', 'fusion', '--kafka', inject('kafka'), '--prefix', `away-${Date.now()}.`, '--redis', `redis://app:${encodeURIComponent(REDIS_SECRET)}@127.0.0.1:${port}`, '--http-port', '0', '--log-level', 'trace']);
  onTestFinished(async () => void (await stage.stop()));
  await until(() => stage.log().includes('no connection to Redis'), { timeoutMs: 60_000, what: () => stage.log() });
  expect(stage.log()).not.toMatch(MARK);
});

function settingsFile(text: string): string {
  const path = join(temporaryFolder('tandem-secrets-'), 'tandem.yaml');
  writeFileSync(path, text);
  return path;
}

function tokenModule(body: string): string {
  const path = join(temporaryFolder('tandem-secrets-'), 'token.ts');
  writeFileSync(path, `export async function token() { ${body} }`);
  return path;
}

import { randomUUID } from 'node:crypto';
import { createRedisCache } from '@tandem/shared/cache';
import { connectionsOf, loadSettings } from '@tandem/shared/config';
import { createKafkaLog, grantKafkaAccess } from '@tandem/shared/log';
import { silentLogger } from '@tandem/shared/telemetry';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { ROLES, accessGrants, type Role } from '../../../services/cli/compose/access/grants.ts';
import { openPorts } from '../../../services/cli/compose/ports.ts';
import { ensureTopology } from '../../../services/cli/compose/topology.ts';
import { examine } from '../../../services/cli/doctor/testing.ts';
import { Authority } from '../../support/certificates.ts';
import { startCommand, type CommandProcess } from '../../support/cluster.ts';
import { startSecureKafka, type SecureKafka } from '../../support/secure-kafka.ts';
import { startSecureRedis, type SecureRedis } from '../../support/secure-redis.ts';
import { Client } from '../../support/system.ts';
import { until } from '../../support/until.ts';

const PREFIX = 'least.';
const STAGES = ['classifier', 'scheduler', 'worker', 'fusion'] as const;
const REDIS_PASSWORD = 'redis-secret-4711';
/** As docs/security.md gives it. */
const REDIS_RULES = ['on', `>${REDIS_PASSWORD}`, `~${PREFIX}*`, 'resetchannels', '-@all', ...'+hello +info +get +set +del +eval +evalsha +hget +hset +hincrby +rpush +ltrim +lrange +incr +persist +pexpire'.split(' ')];
const passwordOf = (role: string) => `kafka-secret-${role}-4711`;

let authority: Authority;
let kafka: SecureKafka;
let redis: SecureRedis;

beforeAll(async () => {
  authority = await Authority.create();
  const users = Object.fromEntries(ROLES.map((role) => [`tandem-${role}`, passwordOf(role)]));
  [kafka, redis] = await Promise.all([
    startSecureKafka({ authority, users }),
    startSecureRedis({ authority, users: { tandem: REDIS_RULES } }),
  ]);
  await grantKafkaAccess({ brokers: [kafka.admin], clientId: 'admin', logger: silentLogger }, accessGrants({ prefix: PREFIX, principalPrefix: 'User:tandem-' }));
});

afterAll(async () => {
  await Promise.allSettled([kafka?.broker.stop(), redis?.server.stop()]);
});

const asRole = (role: Role) => ({
  prefix: PREFIX, partitions: '2', kafka: kafka.scram, kafkaCa: authority.ca, kafkaSasl: 'scram-sha-512', kafkaUsername: `tandem-${role}`, kafkaPassword: passwordOf(role),
});

test('the doctor finds the rights as they should be, names those that are missing, and says who may not look', async () => {
  const access = async (flags: Record<string, string>, principalPrefix: string) =>
    (await examine({ prefix: PREFIX, ...flags }, ['kafka', 'access'], { principalPrefix })).find(({ check }) => check === 'access');
  expect(await access({ kafka: kafka.admin }, 'User:tandem-')).toMatchObject({ status: 'ok' });
  expect(await access({ kafka: kafka.admin }, 'User:other-')).toMatchObject({ status: 'failed', code: 'acl_missing', mend: expect.stringContaining('tandem topics acls --apply') });
  expect(await access(asRole('consumer'), 'User:tandem-')).toMatchObject({ status: 'warning', code: 'acl_hidden' });
});

/** Settings as variables: secrets are not for command lines. */
function environment(settings: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [`TANDEM_${name.replace(/[A-Z]/g, '_$&').toUpperCase()}`, value]));
}

async function logOf(role: Role) {
  const settings = loadSettings({ flags: asRole(role) });
  const { kafka: connection } = await connectionsOf(settings);
  const log = createKafkaLog({ ...connection, brokers: settings.kafka ?? [], clientId: role, prefix: PREFIX, logger: silentLogger });
  onTestFinished(() => log.close());
  return log;
}

function startStage(stage: (typeof STAGES)[number], over: Record<string, string> = {}): CommandProcess {
  const settings = { ...asRole(stage), redis: redis.url, redisCa: authority.ca, redisUsername: 'tandem', redisPassword: REDIS_PASSWORD, httpPort: '0', variants: 'recommend-small.fp32,recommend-large.fp32', ...over };
  if (stage !== 'worker') settings.variants = '';
  return startCommand(['stage', stage], environment(settings));
}

async function topics() {
  const settings = loadSettings({ flags: { ...asRole('operator') } });
  const ports = await openPorts(settings, 'test');
  onTestFinished(async () => ports[Symbol.asyncDispose]());
  await ensureTopology(settings, ports);
  return ports;
}

test.each(['at-least-once', 'exactly-once'])('the whole flow runs %s with TLS, SCRAM and ACLs, each stage as a user of its own', { timeout: 180_000 }, async (delivery) => {
  const ports = await topics();
  const processes = STAGES.map((stage) => startStage(stage, { delivery }));
  onTestFinished(async () => void (await Promise.all(processes.map((process) => process.stop()))));
  const client = await Client.connect(ports, PREFIX);
  const draft = (index: number) => ({ workload: 'recommend', userId: `user-${index}`, input: { history: ['1', '260', '1196'], limit: 5 }, hints: { task: 'full' as const, deadlineMs: 60_000 } });
  const log = () => processes.map((process) => process.log()).join('\n');
  await until(() => processes.every((process) => process.log().includes('"running"')), { timeoutMs: 60_000, what: () => `the stages to run: ${log()}` });
  // Until the worker's first heartbeat has come, answers are degraded.
  await until(async () => (await client.ask([draft(0)]))[0]?.status === 'complete', { timeoutMs: 60_000, everyMs: 200, what: () => `a complete answer: ${log()}` });
  const answers = await client.ask(Array.from({ length: 20 }, (_, index) => draft(index)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set(['complete']));
  expect(client.deadLetters.map(({ headers }) => headers)).toEqual([]);
  expect(log()).not.toMatch(/not_authorized|AUTHORIZATION|-secret-/);
});

test('a role’s credentials are worth nothing beyond its rights', async () => {
  const ports = await topics();
  const forbidden: [Role, string][] = [
    ['classifier', 'responses'], ['classifier', 'requests'], ['scheduler', 'responses'], ['worker', 'tasks'], ['worker', 'responses'],
    ['fusion', 'tasks'], ['backfill', 'requests'], ['producer', 'tasks'], ['consumer', 'responses'],
  ];
  for (const [role, topic] of forbidden) {
    const log = await logOf(role);
    // Who may write nothing at all does not even get a producer.
    const sent = log.producer().then((producer) => producer.send([{ topic: PREFIX + topic, key: 'k', value: 'v' }]));
    await expect(sent, `${role} writes ${topic}`).rejects.toMatchObject({ code: 'kafka_not_authorized' });
  }
  const before = await ports.log.admin.offsets(`${PREFIX}responses`);
  const unread: [Role, string][] = [['classifier', 'responses'], ['worker', 'requests'], ['scheduler', 'responses'], ['fusion', 'requests'], ['producer', 'responses'], ['consumer', 'requests']];
  await ports.producer.send(['responses', 'requests'].flatMap((topic) => [0, 1].map((partition) => ({ topic: PREFIX + topic, key: null, value: '{}', partition }))));
  for (const [role, topic] of unread) {
    const reading = (await logOf(role)).read({ topic: PREFIX + topic, partition: 0 })[Symbol.asyncIterator]();
    await expect(reading.next(), `${role} reads ${topic}`).rejects.toMatchObject({ code: 'kafka_not_authorized' });
  }
  expect((await ports.log.admin.offsets(`${PREFIX}responses`)).map(({ latest }) => latest)).toEqual(before.map(({ latest }) => latest + 1));
});

test('a stage that may not have its group says so and ends', async () => {
  await topics();
  const process = startStage('fusion', { kafkaUsername: 'tandem-consumer', kafkaPassword: passwordOf('consumer') });
  onTestFinished(async () => void (await process.stop()));
  await until(() => process.log().includes('kafka_not_authorized'), { timeoutMs: 60_000, what: () => `a refusal in ${process.log()}` });
});

test('keys of odd ids stay inside the prefix that the Redis user is limited to', async () => {
  const { redis: connection } = await connectionsOf(loadSettings({ flags: { redis: redis.url, redisCa: authority.ca, redisUsername: 'tandem', redisPassword: REDIS_PASSWORD } }));
  const cache = (prefix: string) => {
    const opened = createRedisCache({ ...connection, url: redis.url, prefix, logger: silentLogger });
    onTestFinished(() => opened.close());
    return opened;
  };
  const inside = cache(PREFIX);
  const odd = ['*', '?', '[a-z]', 'a\r\nFLUSHALL\r\n', 'a\u0000b', '{tag}', '../../other', `other.v:x`, '$(id)', 'ключ', randomUUID()];
  for (const [index, id] of odd.entries()) {
    await inside.set(id, `value ${index}`);
    await inside.append(id, `entry ${index}`, { limit: 5, source: id, offset: 0 });
  }
  for (const [index, id] of odd.entries()) {
    expect(await inside.get(id)).toBe(`value ${index}`);
    expect((await inside.list(id)).entries).toEqual([`entry ${index}`]);
  }
  await inside.delete('*');
  expect(await inside.get('?')).toBe('value 1');
  await expect(cache('other.').get('x')).rejects.toMatchObject({ code: 'cache_unavailable', message: expect.stringMatching(/NOPERM/) as string });
});

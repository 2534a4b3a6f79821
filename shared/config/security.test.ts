import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connectionsOf } from './connections.ts';
import { oauthTokens } from './oauth-module.ts';
import { Secret } from './secret.ts';
import { loadSettings } from './settings.ts';

const PASSWORD = 'tr0ub4dor&3';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'tandem-security-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

function file(name: string, text: string): string {
  const path = join(folder(), name);
  writeFileSync(path, text);
  return path;
}

function complaintAbout(flags: Record<string, unknown>, environment: Record<string, string> = {}): string {
  try {
    loadSettings({ flags, environment });
  } catch (error) {
    expect(error).toMatchObject({ code: 'settings_invalid' });
    return (error as Error).message;
  }
  throw new Error('the settings were accepted');
}

const kafka = { kafka: 'k:9093' };
const redis = { redis: 'rediss://r:6379' };

describe('combinations that cannot be meant are named, with what would be valid', () => {
  test.each<[Record<string, unknown>, RegExp]>([
    [{ ...kafka, kafkaTls: 'off', kafkaCa: 'ca.pem' }, /kafkaTls is off, but --kafka-ca is given/],
    [{ ...kafka, kafkaCert: 'c.pem' }, /--kafka-cert and --kafka-key belong together/],
    [{ ...kafka, kafkaTls: 'maybe' }, /kafkaTls = "maybe"/],
    [{ ...kafka, kafkaUsername: 'u' }, /kafkaSasl is not set.*set --kafka-sasl/],
    [{ ...kafka, kafkaSasl: 'scram-sha-512' }, /needs a user name: --kafka-username\n.*needs a password: --kafka-password-file or TANDEM_KAFKA_PASSWORD/],
    [{ ...kafka, kafkaSasl: 'scram-sha-256', kafkaUsername: 'u', kafkaPassword: PASSWORD, kafkaPasswordFile: 'f' }, /password is given twice/],
    [{ ...kafka, kafkaSasl: 'scram-sha-256', kafkaUsername: 'u', kafkaPassword: PASSWORD, kafkaOauthModule: 'm.ts' }, /is for --kafka-sasl oauthbearer/],
    [{ ...kafka, kafkaSasl: 'plain', kafkaUsername: 'u', kafkaPassword: PASSWORD }, /sends the secret as it is: set --kafka-tls on/],
    [{ ...kafka, kafkaSasl: 'oauthbearer', kafkaTls: 'on' }, /needs a module that gives tokens/],
    [{ ...kafka, kafkaSasl: 'oauthbearer', kafkaTls: 'on', kafkaOauthModule: 'm.ts', kafkaPassword: PASSWORD }, /leave user name and password out/],
    [{ redis: 'redis://r:6379', redisCa: 'ca.pem' }, /write rediss:\/\//],
    [{ ...redis, redisKey: 'k.pem' }, /--redis-cert and --redis-key belong together/],
    [{ ...redis, redisUsername: 'u' }, /the Redis user needs a password/],
    [{ redis: `rediss://u:${PASSWORD}@r`, redisPassword: PASSWORD }, /more than once/],
    [{ redis: `rediss://u:${PASSWORD}@r`, redisUsername: 'v' }, /named in the address and by --redis-username/],
    [{ redisPassword: PASSWORD }, /set --redis rediss:/],
  ])('%j', (flags, complaint) => {
    const message = complaintAbout(flags);
    expect(message).toMatch(complaint);
    expect(message).not.toContain(PASSWORD);
  });

  test('a password of a wrong type is not shown', () => {
    const message = complaintAbout({ kafkaPassword: { value: PASSWORD } });
    expect(message).toMatch(/kafkaPassword = \(hidden\).*TANDEM_KAFKA_PASSWORD/);
    expect(message).not.toContain(PASSWORD);
  });

  test('credentials in an address of a broker are not shown', () => {
    expect(complaintAbout({ kafka: `user:${PASSWORD}@k:9093` })).not.toContain(PASSWORD);
  });
});

test('of a settings file that is no YAML the line is named, and nothing quoted', () => {
  const path = file('tandem.yaml', `prefix: mine.\nkafkaPassword: ${PASSWORD}: [\n`);
  const failure = (() => {
    try {
      return loadSettings({ file: path });
    } catch (error) {
      return error;
    }
  })();
  expect(failure).toMatchObject({ code: 'settings_file', message: expect.stringContaining(' in line 2)') });
  expect(inspect(failure)).not.toContain(PASSWORD);
});

test('settings can be printed: secrets are hidden, also that of an address', () => {
  const address = `redis://app:${encodeURIComponent(PASSWORD)}@r:6379/1`;
  const settings = loadSettings({ flags: { ...kafka, kafkaSasl: 'scram-sha-512', kafkaUsername: 'u', redis: address }, environment: { TANDEM_KAFKA_PASSWORD: PASSWORD } });
  for (const text of [inspect(settings, { depth: 9 }), JSON.stringify(settings), String(settings.kafkaPassword)]) expect(text).not.toMatch(/tr0ub4dor/);
  expect(settings).toMatchObject({ redis: 'redis://r:6379/1', redisUsername: 'app' });
  expect([settings.kafkaPassword?.reveal(), settings.redisPassword?.reveal()]).toEqual([PASSWORD, PASSWORD]);
});

describe('files', () => {
  test('a password file’s line end is not part of the password', async () => {
    const settings = loadSettings({ flags: { ...redis, redisUsername: 'u', redisPasswordFile: file('password', `${PASSWORD}\n`) } });
    expect(await connectionsOf(settings)).toMatchObject({ redis: { username: 'u', password: PASSWORD }, secrets: [PASSWORD] });
  });

  test.each<[Record<string, unknown>, RegExp]>([
    [{ ...kafka, kafkaCa: '/does/not/exist.pem' }, /kafkaCa: cannot be read.*--kafka-ca/],
    [{ ...kafka, kafkaCa: import.meta.filename }, /kafkaCa: .*holds no PEM certificate/],
    [{ ...redis, redisUsername: 'u', redisPasswordFile: '/does/not/exist' }, /redisPasswordFile: cannot be read/],
    [{ ...kafka, kafkaTls: 'on', kafkaSasl: 'oauthbearer', kafkaOauthModule: './does-not-exist.ts' }, /cannot be imported/],
    [{ ...kafka, kafkaTls: 'on', kafkaSasl: 'oauthbearer', kafkaOauthModule: import.meta.filename.replace('security.test', 'secret') }, /must export a function named token/],
  ])('%j', async (flags, message) => {
    await expect(connectionsOf(loadSettings({ flags }))).rejects.toMatchObject({ code: 'settings_invalid', message: expect.stringMatching(message) as string });
  });

  test('a certificate and the key of another one', async () => {
    const directory = folder();
    const pair = (name: string) => {
      const [key, cert] = [join(directory, `${name}.key`), join(directory, `${name}.pem`)];
      execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`, '-days', '1', '-keyout', key, '-out', cert], { stdio: 'ignore' });
      return { cert, key };
    };
    const [a, b] = [pair('a'), pair('b')];
    const settings = (key: string) => loadSettings({ flags: { ...kafka, kafkaCert: a.cert, kafkaKey: key } });
    await expect(connectionsOf(settings(b.key))).rejects.toMatchObject({ code: 'settings_invalid', message: expect.stringMatching(/do not belong together/) as string });
    expect((await connectionsOf(settings(a.key))).kafka.ssl).toBeTypeOf('object');
  });
});

describe('a module that gives tokens', () => {
  const module = (body: string) => file('token.ts', `let asked = 0;\nexport async function token(): Promise<unknown> { asked += 1; ${body} }`);

  test('is asked again when the token is about to expire, and not before', async () => {
    const long = await oauthTokens(module('return { value: `t${asked}`, expiresAtMs: Date.now() + 3_600_000 };'));
    expect([(await long()).value, (await long()).value]).toEqual(['t1', 't1']);
    const short = await oauthTokens(module('return { value: `t${asked}`, expiresAtMs: Date.now() + 10_000 };'));
    expect([(await short()).value, (await short()).value]).toEqual(['t1', 't2']);
    const unknown = await oauthTokens(module('return { value: `t${asked}` };'));
    expect((await Promise.all([unknown(), unknown()])).map(({ value }) => value)).toEqual(['t1', 't1']);
    expect((await unknown()).value).toBe('t2');
  });

  test.each([
    ['throw new Error("the issuer is away");', /token\(\) failed: the issuer is away/],
    ['return "abc";', /must resolve to \{ value: string/],
    ['return { value: "a b" };', /must be a bearer token/],
    ['return { value: "abc", expiresAtMs: 5 };', /has expired/],
    ['return { value: "abc", extensions: { "a=b": "c" } };', /extensions/],
  ])('%s', async (body, message) => {
    const ask = await oauthTokens(module(body));
    await expect(ask()).rejects.toMatchObject({ code: 'oauth_token', message: expect.stringMatching(message) as string });
  });
});

test('a secret is revealed only on purpose', () => {
  const secret = new Secret(PASSWORD);
  expect([`${String(secret)}`, JSON.stringify({ secret }), inspect({ secret })].join()).not.toContain(PASSWORD);
  expect(secret.reveal()).toBe(PASSWORD);
});

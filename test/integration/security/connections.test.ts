import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectionsOf, loadSettings } from '@tandem/shared/config';
import { createKafkaLog, grantKafkaAccess, type EventLog } from '@tandem/shared/log';
import { silentLogger } from '@tandem/shared/telemetry';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Authority, type Certificate } from '../../support/certificates.ts';
import { temporaryFolder } from '../../support/processes.ts';
import { startSecureKafka, unsecuredToken, type SecureKafka } from '../../support/secure-kafka.ts';
import { until } from '../../support/until.ts';

const PREFIX = 'secured.';
let authority: Authority;
let stranger: Authority;
let kafka: SecureKafka;
let client: Certificate;

beforeAll(async () => {
  [authority, stranger] = await Promise.all([Authority.create(), Authority.create()]);
  client = await authority.issue('tandem-client');
  kafka = await startSecureKafka({ authority, users: { alice: 'correct-horse-battery', nobody: 'correct-horse-battery' } });
  const everything = { name: PREFIX, pattern: 'prefixed', operations: ['all'] } as const;
  const grants = ['User:alice', 'User:CN=tandem-client'].flatMap((principal) => [
    { principal, resource: 'topic', ...everything } as const,
    { principal, resource: 'group', ...everything } as const,
  ]);
  await grantKafkaAccess({ brokers: [kafka.admin], clientId: 'admin', logger: silentLogger }, grants);
});

afterAll(() => kafka?.broker.stop());

/** The log that these settings stand for. */
async function open(flags: Record<string, unknown>, settleTimeoutMs = 20_000): Promise<EventLog> {
  const settings = loadSettings({ flags: { prefix: PREFIX, ...flags } });
  const { kafka: connection } = await connectionsOf(settings);
  const log = createKafkaLog({ ...connection, brokers: settings.kafka ?? [], clientId: 'test', prefix: PREFIX, logger: silentLogger, settleTimeoutMs });
  onTestFinished(() => log.close());
  return log;
}

const spec = (name: string) =>
  ({ name, producer: '', consumer: '', schema: '', key: '', partitions: 1, cleanup: 'delete', retentionMs: 3_600_000, maxRecordBytes: 1_048_576, timestamps: 'append' }) as const;

/** Creates a topic, writes a record and reads it in a group. */
async function roundTrip(log: EventLog): Promise<void> {
  const topic = `${PREFIX}${randomUUID()}`;
  await log.admin.ensureTopics([spec(topic)]);
  const producer = await log.producer();
  await producer.send([{ topic, key: 'k', value: 'v' }]);
  const values: string[] = [];
  const consumer = log.consumer({
    groupId: `${PREFIX}${randomUUID()}`,
    topics: [topic],
    onRecord: ({ record, ack }) => {
      values.push(String(record.value));
      ack();
    },
  });
  await consumer.start();
  await until(() => values.length === 1, { what: 'the record' });
}

function file(name: string, text: string): string {
  const path = join(temporaryFolder('tandem-security-'), name);
  writeFileSync(path, text);
  return path;
}

const scram = () => ({ kafka: kafka.scram, kafkaCa: authority.ca, kafkaSasl: 'scram-sha-512', kafkaUsername: 'alice', kafkaPassword: 'correct-horse-battery' });

describe('a broker with TLS and SASL is written and read', () => {
  test.each(['scram-sha-256', 'scram-sha-512'])('with %s', async (kafkaSasl) => roundTrip(await open({ ...scram(), kafkaSasl })));

  test('with the password in a file', async () => {
    const { kafkaPassword, ...rest } = scram();
    await roundTrip(await open({ ...rest, kafkaPasswordFile: file('password', `${kafkaPassword}\n`) }));
  });

  test('with PLAIN', async () => roundTrip(await open({ ...scram(), kafka: kafka.plain, kafkaSasl: 'plain' })));

  test('with a client certificate', async () => {
    await roundTrip(await open({ kafka: kafka.mutualTls, kafkaCa: authority.ca, kafkaCert: client.cert, kafkaKey: client.key }));
  });

  test('with OAUTHBEARER, asking for a new token when the one it has runs out', async () => {
    const { value } = unsecuredToken('alice');
    const module = file('token.ts', `
      let asked = 0;
      export async function token(): Promise<{ value: string; expiresAtMs: number }> {
        asked += 1;
        (globalThis as Record<string, unknown>)['tokensAsked'] = asked;
        return { value: '${value}', expiresAtMs: Date.now() + 30_000 + 300 };
      }`);
    const log = await open({ kafka: kafka.oauth, kafkaCa: authority.ca, kafkaSasl: 'oauthbearer', kafkaOauthModule: module });
    await roundTrip(log);
    const asked = () => (globalThis as Record<string, unknown>)['tokensAsked'] as number;
    const before = asked();
    await until(async () => {
      await (await log.producer()).close();
      return asked() > before;
    }, { everyMs: 200, what: 'a new token' });
    await roundTrip(log);
  });
});

describe('who is not let in is told so at once, with a code and what to do', () => {
  const failing: [what: string, code: string, message: RegExp, settings: () => Record<string, unknown> | Promise<Record<string, unknown>>][] = [
    ['an authority that is not known', 'kafka_tls', /--kafka-ca/, () => ({ ...scram(), kafkaCa: stranger.ca })],
    ['no authority', 'kafka_tls', /--kafka-ca/, () => ({ ...scram(), kafkaCa: undefined, kafkaTls: 'on' })],
    ['no client certificate', 'kafka_tls', /--kafka-cert and --kafka-key/, () => ({ kafka: kafka.mutualTls, kafkaCa: authority.ca })],
    ['a stranger’s client certificate', 'kafka_tls', /--kafka-cert and --kafka-key/, async () => {
      const { cert, key } = await stranger.issue('tandem-client');
      return { kafka: kafka.mutualTls, kafkaCa: authority.ca, kafkaCert: cert, kafkaKey: key };
    }],
    ['a certificate for another host', 'kafka_tls', /another host/, () => ({ ...scram(), kafka: scram().kafka.replace('127.0.0.1', 'localhost') })],
    ['a wrong password', 'kafka_authentication', /--kafka-username/, () => ({ ...scram(), kafkaPassword: 'wrong-horse' })],
    ['a wrong password with PLAIN', 'kafka_authentication', /--kafka-username/, () => ({ ...scram(), kafka: kafka.plain, kafkaSasl: 'plain', kafkaPassword: 'wrong-horse' })],
    ['an unknown user', 'kafka_authentication', /--kafka-username/, () => ({ ...scram(), kafkaUsername: 'mallory' })],
    ['a mechanism that the listener has not', 'kafka_authentication', /--kafka-sasl/, () => ({ ...scram(), kafkaSasl: 'plain' })],
    ['a token that has expired', 'kafka_authentication', /invalid_token/, () => ({ kafka: kafka.oauth, kafkaCa: authority.ca, kafkaSasl: 'oauthbearer', kafkaOauthModule: tokenModule(unsecuredToken('alice', -3_600_000).value) })],
    ['a token that is no token', 'oauth_token', /value: must be a bearer token/, () => ({ kafka: kafka.oauth, kafkaCa: authority.ca, kafkaSasl: 'oauthbearer', kafkaOauthModule: tokenModule('not a token') })],
    ['a user without rights', 'kafka_not_authorized', /tandem topics acls/, () => ({ ...scram(), kafkaUsername: 'nobody' })],
  ];

  test.each(failing)('%s', async (_what, code, message, settings) => {
    const log = await open(await settings());
    const failure = await log.producer().then(() => log.admin.ensureTopics([spec(`${PREFIX}${randomUUID()}`)])).then(() => undefined, (error: unknown) => error);
    expect(failure).toMatchObject({ code, message: expect.stringMatching(message) as string });
    expect(String(failure)).not.toMatch(/horse/);
  });

  test('a listener that speaks no TLS', async () => {
    const log = await open({ kafka: kafka.admin, kafkaTls: 'on' }, 1_000);
    await expect(log.producer()).rejects.toMatchObject({ code: 'kafka_unreachable', message: expect.stringMatching(/--kafka-tls/) as string });
  });

  test('a group that may not be joined', async () => {
    const admin = createKafkaLog({ brokers: [kafka.admin], clientId: 'admin', logger: silentLogger });
    onTestFinished(() => admin.close());
    const topic = `${PREFIX}${randomUUID()}`;
    await admin.admin.ensureTopics([spec(topic)]);
    const consumer = (await open(scram())).consumer({ groupId: 'somebody-else', topics: [topic], onRecord: () => undefined });
    await expect(consumer.start()).rejects.toMatchObject({ code: 'kafka_not_authorized', message: expect.stringMatching(/consumer group/) as string });
  });
});

function tokenModule(value: string): string {
  return file('token.ts', `export async function token() { return { value: ${JSON.stringify(value)} }; }`);
}

import type { ConnectionOptions } from 'node:tls';
import { oauthTokens, type OauthToken } from './oauth-module.ts';
import { invalidSetting, readPasswordFile, readTlsFiles } from './secret-files.ts';
import type { Settings } from './settings.ts';

type PasswordMechanism = 'plain' | 'scram-sha-256' | 'scram-sha-512';

/** Options of the Kafka log that the security settings stand for. */
export interface KafkaConnection {
  ssl?: boolean | ConnectionOptions;
  sasl?:
    | { mechanism: PasswordMechanism; username: string; password: string }
    | { mechanism: 'oauthbearer'; oauthBearerProvider: () => Promise<OauthToken> };
}

/** Options of the Redis cache that the security settings stand for. */
export interface RedisConnection {
  tls?: ConnectionOptions;
  username?: string;
  password?: string;
}

async function kafkaConnection(settings: Settings): Promise<KafkaConnection> {
  const { kafkaTls, kafkaCa: ca, kafkaCert: cert, kafkaKey: key } = settings;
  const files = readTlsFiles('kafka', { ca, cert, key });
  const encrypted = kafkaTls ?? Object.keys(files).length > 0;
  const sasl = await saslOf(settings);
  return { ...(encrypted ? { ssl: Object.keys(files).length > 0 ? { ...files } : true } : {}), ...(sasl === undefined ? {} : { sasl }) };
}

async function saslOf(settings: Settings): Promise<KafkaConnection['sasl']> {
  const { kafkaSasl: mechanism, kafkaUsername: username, kafkaPassword, kafkaPasswordFile, kafkaOauthModule } = settings;
  if (mechanism === undefined) return undefined;
  if (mechanism === 'oauthbearer') return { mechanism, oauthBearerProvider: await oauthTokens(kafkaOauthModule ?? '') };
  const password = kafkaPassword ?? readPasswordFile('kafkaPasswordFile', kafkaPasswordFile ?? '');
  if (username === undefined) throw invalidSetting('kafkaUsername', 'is missing');
  return { mechanism, username, password: password.reveal() };
}

function redisConnection(settings: Settings): RedisConnection {
  const { redisCa: ca, redisCert: cert, redisKey: key, redisUsername: username, redisPassword, redisPasswordFile } = settings;
  const tls = readTlsFiles('redis', { ca, cert, key });
  const password = redisPassword ?? (redisPasswordFile === undefined ? undefined : readPasswordFile('redisPasswordFile', redisPasswordFile));
  return {
    ...(Object.keys(tls).length > 0 ? { tls: { ...tls } } : {}),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: password.reveal() }),
  };
}

/** How Kafka and Redis are reached, with what has been read from files. */
export interface Connections {
  kafka: KafkaConnection;
  redis: RedisConnection;
  /** What must not be logged. */
  secrets: string[];
}

/** @throws {TandemError} `settings_invalid` where a file or a module is not what it should be */
export async function connectionsOf(settings: Settings): Promise<Connections> {
  const kafka = settings.kafka === undefined ? {} : await kafkaConnection(settings);
  const redis = settings.redis === undefined ? {} : redisConnection(settings);
  const kafkaPassword = kafka.sasl !== undefined && 'password' in kafka.sasl ? [kafka.sasl.password] : [];
  return { kafka, redis, secrets: [...kafkaPassword, ...(redis.password === undefined ? [] : [redis.password])] };
}

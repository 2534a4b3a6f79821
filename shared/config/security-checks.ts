import type { z } from 'zod';
import { credentialsIn } from './redis-address.ts';
import type { securitySettings } from './security-settings.ts';

type Security = z.infer<z.ZodObject<typeof securitySettings>> & { kafka?: string[] | undefined; redis?: string | undefined };

const KAFKA_PASSWORD = '--kafka-password-file or TANDEM_KAFKA_PASSWORD';
const REDIS_PASSWORD = '--redis-password-file, TANDEM_REDIS_PASSWORD';

/** Combinations that cannot be meant: what is wrong, and what would be valid. Values are not shown. */
export function securityProblems(settings: Security): string[] {
  return [...kafkaTlsProblems(settings), ...saslProblems(settings), ...redisProblems(settings)];
}

function kafkaTlsProblems({ kafkaTls, kafkaCa, kafkaCert, kafkaKey }: Security): string[] {
  const given = [kafkaCa && '--kafka-ca', kafkaCert && '--kafka-cert', kafkaKey && '--kafka-key'].filter(Boolean);
  return [
    ...(kafkaTls === false && given.length > 0 ? [`kafkaTls is off, but ${given.join(', ')} is given: set --kafka-tls on, or leave the files out`] : []),
    ...pairProblems('kafka', kafkaCert, kafkaKey),
  ];
}

function pairProblems(server: 'kafka' | 'redis', cert: string | undefined, key: string | undefined): string[] {
  if ((cert === undefined) === (key === undefined)) return [];
  return [`${server}${cert === undefined ? 'Key' : 'Cert'} is given without its other half: --${server}-cert and --${server}-key belong together`];
}

function saslProblems(settings: Security): string[] {
  const { kafkaSasl, kafkaUsername, kafkaPassword, kafkaPasswordFile, kafkaOauthModule } = settings;
  const passwords = [kafkaPassword, kafkaPasswordFile].filter((value) => value !== undefined).length;
  if (kafkaSasl === undefined) {
    const idle = kafkaUsername !== undefined || passwords > 0 || kafkaOauthModule !== undefined;
    return idle ? ['kafkaSasl is not set, but a Kafka user name, password or OAuth module is: set --kafka-sasl (scram-sha-512, scram-sha-256, plain or oauthbearer)'] : [];
  }
  if (kafkaSasl === 'oauthbearer') return [...oauthProblems(settings, passwords), ...clearTextProblems(settings)];
  return [
    ...(kafkaUsername === undefined ? [`kafkaSasl = ${kafkaSasl} needs a user name: --kafka-username`] : []),
    ...(passwords === 0 ? [`kafkaSasl = ${kafkaSasl} needs a password: ${KAFKA_PASSWORD}`] : []),
    ...(passwords === 2 ? [`the Kafka password is given twice: use one of ${KAFKA_PASSWORD}`] : []),
    ...(kafkaOauthModule === undefined ? [] : [`kafkaOauthModule is for --kafka-sasl oauthbearer, not ${kafkaSasl}`]),
    ...(kafkaSasl === 'plain' ? clearTextProblems(settings) : []),
  ];
}

function oauthProblems({ kafkaOauthModule, kafkaUsername }: Security, passwords: number): string[] {
  return [
    ...(kafkaOauthModule === undefined ? ['kafkaSasl = oauthbearer needs a module that gives tokens: --kafka-oauth-module ./token.ts'] : []),
    ...(kafkaUsername !== undefined || passwords > 0 ? ['kafkaSasl = oauthbearer takes its token from --kafka-oauth-module: leave user name and password out'] : []),
  ];
}

/** SCRAM does not show the password to whoever listens; these do. */
function clearTextProblems({ kafkaSasl, kafkaTls, kafkaCa, kafkaCert }: Security): string[] {
  if (kafkaTls !== undefined || kafkaCa !== undefined || kafkaCert !== undefined) return [];
  return [`kafkaSasl = ${kafkaSasl} sends the secret as it is: set --kafka-tls on (or, where nobody can listen, say --kafka-tls off)`];
}

function redisProblems(settings: Security): string[] {
  const { redis, redisUsername, redisPassword, redisPasswordFile, redisCa, redisCert, redisKey } = settings;
  const files = redisCa !== undefined || redisCert !== undefined || redisKey !== undefined;
  const own = [redisUsername, redisPassword, redisPasswordFile].some((value) => value !== undefined);
  if (redis === undefined) return files || own ? ['redis is not set, but a Redis certificate, user name or password is: set --redis rediss://host:port'] : [];
  return [
    ...(files && redis.startsWith('redis:') ? ['redis is an address without TLS, but certificate files are given: write rediss://'] : []),
    ...pairProblems('redis', redisCert, redisKey),
    ...redisLoginProblems(settings, redis),
  ];
}

function redisLoginProblems({ redisUsername, redisPassword, redisPasswordFile }: Security, redis: string): string[] {
  const inAddress = credentialsIn(redis);
  const passwords = [redisPassword, redisPasswordFile, inAddress.password].filter((value) => value !== undefined).length;
  const named = redisUsername !== undefined || inAddress.username !== undefined;
  return [
    ...(passwords > 1 ? [`the Redis password is given more than once: use one of ${REDIS_PASSWORD}, the address`] : []),
    ...(redisUsername !== undefined && inAddress.username !== undefined ? ['the Redis user is named in the address and by --redis-username: use one'] : []),
    ...(named && passwords === 0 ? [`the Redis user needs a password: ${REDIS_PASSWORD}, or in the address`] : []),
  ];
}

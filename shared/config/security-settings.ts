import { z } from 'zod';
import { onOrOff } from './fields.ts';
import { Secret } from './secret.ts';

const file = (what: string) => z.string().min(1).optional().describe(what);
const name = (what: string) => z.string().min(1).max(256).optional().describe(what);

/** Taken from the environment or a file, never from the command line, where everybody on the machine could read it. */
const password = (what: string) =>
  z.union([z.instanceof(Secret), z.string().min(1).transform((text) => new Secret(text))]).optional().meta({ description: what, secret: 'environment' });

const SASL_MECHANISMS = ['scram-sha-256', 'scram-sha-512', 'plain', 'oauthbearer'] as const;

/** How Kafka and Redis are reached safely. */
export const securitySettings = {
  kafkaTls: onOrOff.optional().describe('on or off; default: on where a certificate setting is given'),
  kafkaCa: file('PEM file of the authorities that sign the brokers’ certificates; default: the system’s'),
  kafkaCert: file('PEM file of this client’s certificate, for mutual TLS'),
  kafkaKey: file('PEM file of the certificate’s private key'),
  kafkaSasl: z.enum(SASL_MECHANISMS).optional().describe(SASL_MECHANISMS.join(', ')),
  kafkaUsername: name('for SCRAM and PLAIN'),
  kafkaPassword: password('for SCRAM and PLAIN'),
  kafkaPasswordFile: file('file with the password for SCRAM and PLAIN; or the password itself in TANDEM_KAFKA_PASSWORD'),
  kafkaOauthModule: file('module that exports token(), which resolves to { value, expiresAtMs? }, for OAUTHBEARER'),
  redisCa: file('PEM file of the authorities that sign Redis’ certificate; default: the system’s'),
  redisCert: file('PEM file of this client’s certificate, for mutual TLS'),
  redisKey: file('PEM file of the certificate’s private key'),
  redisUsername: name('ACL user; default: the address’s, or none'),
  redisPassword: password('of the ACL user'),
  redisPasswordFile: file('file with the password of the ACL user; or the password itself in TANDEM_REDIS_PASSWORD'),
};

import type { Authority } from './certificates.ts';
import { startKafkaBroker, type KafkaBroker } from './kafka-broker.ts';
import { freePorts } from './processes.ts';

export interface SecureKafka {
  /** Plain, for the test alone: whoever comes here may do everything. */
  readonly admin: string;
  /** TLS. */
  readonly tls: string;
  /** TLS, and only for clients with a certificate. */
  readonly mutualTls: string;
  /** SASL over TLS: SCRAM-SHA-256, SCRAM-SHA-512. */
  readonly scram: string;
  /** SASL over TLS: PLAIN. */
  readonly plain: string;
  /** SASL over TLS: OAUTHBEARER, with unsigned tokens, whose `sub` is the user. */
  readonly oauth: string;
  readonly broker: KafkaBroker;
}

export interface SecureKafkaOptions {
  authority: Authority;
  /** Passwords by user, for SCRAM and PLAIN. */
  users: Readonly<Record<string, string>>;
}

const LISTENERS = ['TLS', 'MTLS', 'SCRAM', 'PLAINLOGIN', 'OAUTH'] as const;
const PROTOCOLS = 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SSL,MTLS:SSL,SCRAM:SASL_SSL,PLAINLOGIN:SASL_SSL,OAUTH:SASL_SSL';
const SCRAM = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
const OAUTH = 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";';

/** A broker with every kind of listener, and an authorizer that allows nothing that is not granted. */
export async function startSecureKafka({ authority, users }: SecureKafkaOptions): Promise<SecureKafka> {
  const [port = 0, controllerPort = 0, ...others] = await freePorts(2 + LISTENERS.length);
  const at = (name: string, itsPort: number | undefined) => `${name}://127.0.0.1:${itsPort ?? 0}`;
  const listeners = [at('PLAINTEXT', port), ...LISTENERS.map((name, index) => at(name, others[index]))];
  const { both } = await authority.issue('broker', { altNames: 'IP:127.0.0.1' });
  const broker = await startKafkaBroker({
    port,
    controllerPort,
    formatArguments: Object.entries(users).flatMap(([user, password]) => scramUser(user, password)),
    properties: {
      listeners: [...listeners, at('CONTROLLER', controllerPort)].join(','),
      'advertised.listeners': listeners.join(','),
      'inter.broker.listener.name': 'PLAINTEXT',
      'listener.security.protocol.map': PROTOCOLS,
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': both,
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': authority.ca,
      'listener.name.mtls.ssl.client.auth': 'required',
      'listener.name.scram.sasl.enabled.mechanisms': 'SCRAM-SHA-256,SCRAM-SHA-512',
      'listener.name.scram.scram-sha-256.sasl.jaas.config': SCRAM,
      'listener.name.scram.scram-sha-512.sasl.jaas.config': SCRAM,
      'listener.name.plainlogin.sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.plainlogin.plain.sasl.jaas.config': plainLogin(users),
      'listener.name.oauth.sasl.enabled.mechanisms': 'OAUTHBEARER',
      'listener.name.oauth.oauthbearer.sasl.jaas.config': OAUTH,
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      // Of the plain listeners only: the others know who comes.
      'super.users': 'User:ANONYMOUS',
      'auto.create.topics.enable': false,
    },
  });
  const [tls = '', mutualTls = '', scram = '', plain = '', oauth = ''] = others.map((itsPort) => `127.0.0.1:${itsPort}`);
  return { admin: broker.address, tls, mutualTls, scram, plain, oauth, broker };
}

function scramUser(user: string, password: string): string[] {
  return ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => ['--add-scram', `${mechanism}=[name=${user},password=${password}]`]);
}

function plainLogin(users: Readonly<Record<string, string>>): string {
  const entries = Object.entries(users).map(([user, password]) => `user_${user}="${password}"`);
  return `org.apache.kafka.common.security.plain.PlainLoginModule required ${entries.join(' ')};`;
}

/** As Kafka's handler for unsecured tokens reads it. */
export function unsecuredToken(user: string, lifetimeMs = 3_600_000): { value: string; expiresAtMs: number } {
  const now = Date.now();
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { sub: user, iat: now / 1_000, exp: (now + lifetimeMs) / 1_000 };
  return { value: `${encode({ alg: 'none' })}.${encode(claims)}.`, expiresAtMs: now + lifetimeMs };
}

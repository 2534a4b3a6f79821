import { TandemError, tlsAdvice } from '../../errors/index.ts';

const RIGHTS: Readonly<Record<string, string>> = {
  TOPIC_AUTHORIZATION_FAILED: 'a topic',
  GROUP_AUTHORIZATION_FAILED: 'its consumer group',
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 'its transactional id',
  CLUSTER_AUTHORIZATION_FAILED: 'the cluster',
};

/**
 * The error to throw where the broker does not let this client in, which waiting does not mend: `kafka_tls`,
 * `kafka_authentication`, `kafka_not_authorized`, or what a token's source threw. Undefined for everything else.
 */
export function accessFailure(brokers: readonly string[], error: unknown): TandemError | undefined {
  const server = `Kafka at ${brokers.join(', ')}`;
  const advice = tlsAdvice('kafka', error);
  if (advice !== undefined) return denied('kafka_tls', `${server}: ${advice}`);
  const chain = chainOf(error);
  const own = chain.find((each): each is TandemError => each instanceof TandemError && each.code === 'oauth_token');
  if (own !== undefined) return own;
  if (chain.some(isAuthentication)) {
    return denied('kafka_authentication', `${server} refused the login (${chain.find(isAuthentication)?.message}): look at --kafka-sasl (the mechanism), --kafka-username and the password, or the token`);
  }
  return notAuthorized(server, error);
}

export function isAccessFailure(error: unknown): boolean {
  return accessFailure([], error) !== undefined;
}

/** `kafka_not_authorized` with what the broker refuses and how to permit it; undefined where it is another error. */
export function notAuthorized(what: string, error: unknown): TandemError | undefined {
  const denial = chainOf(error).find((each) => rightOf(each) !== undefined);
  if (denial === undefined) return undefined;
  const message = `${what}: this user has no right to ${rightOf(denial)} (${denial.message}); "tandem topics acls" prints the rights that each stage needs, an operator has to grant them`;
  return denied('kafka_not_authorized', message);
}

/** Retryable: the same call succeeds once an operator has mended it, and until then nothing is given up. */
function denied(code: string, message: string): TandemError {
  return new TandemError(message, { code, retryable: true });
}

function rightOf(error: Error): string | undefined {
  const { type } = error as { type?: unknown };
  return typeof type === 'string' ? RIGHTS[type] : undefined;
}

function isAuthentication(error: Error): boolean {
  const { type } = error as { type?: unknown };
  return error.name === 'KafkaJSSASLAuthenticationError' || type === 'SASL_AUTHENTICATION_FAILED' || type === 'UNSUPPORTED_SASL_MECHANISM';
}

/** The error, what caused it, and the members of collections of errors. */
function chainOf(error: unknown): Error[] {
  const chain: Error[] = [];
  let current: unknown = error;
  for (let depth = 0; depth < 8 && current instanceof Error; depth++) {
    chain.push(current);
    const { errors, cause, originalError } = current as { errors?: unknown; cause?: unknown; originalError?: unknown };
    if (Array.isArray(errors)) chain.push(...errors.flatMap(chainOf));
    current = cause ?? originalError;
  }
  return chain;
}

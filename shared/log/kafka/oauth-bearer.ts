import kafkajs, { type Authenticator, type AuthenticationProviderArgs } from 'kafkajs';

/** What the log's options hold for the mechanism. */
export interface OauthBearerOptions {
  mechanism: 'oauthbearer';
  oauthBearerProvider: () => Promise<{ value: string; extensions?: Record<string, string> }>;
}

const SEPARATOR = '\u0001';
const LENGTH_BYTES = 4;

/**
 * Kafka answers a token that it does not accept with a status instead of an error (RFC 7628, 3.2.3), which kafkajs does
 * not read: it would go on, be disconnected, and try for ever. Here it is an error at once.
 */
export function oauthBearer({ mechanism, oauthBearerProvider }: OauthBearerOptions) {
  const authenticationProvider = ({ saslAuthenticate }: AuthenticationProviderArgs): Authenticator => ({
    async authenticate(): Promise<void> {
      const token = await oauthBearerProvider();
      const answer = await saslAuthenticate({ request: { encode: () => firstMessage(token) }, response: ANSWER }).catch((error: unknown) => {
        throw failed(error instanceof Error ? error.message : String(error));
      });
      if (answer !== undefined && answer !== '') throw failed(`the broker answered ${answer}`);
    },
  });
  return { mechanism, authenticationProvider };
}

const ANSWER = {
  decode: (raw: Buffer): Buffer => raw.subarray(LENGTH_BYTES),
  parse: (data: Buffer): string => data.toString('utf8'),
};

/** RFC 7628, 3.1, with the length in front that kafkajs expects. */
function firstMessage({ value, extensions = {} }: Awaited<ReturnType<OauthBearerOptions['oauthBearerProvider']>>): Buffer {
  const pairs = [`auth=Bearer ${value}`, ...Object.entries(extensions).map(([name, text]) => `${name}=${text}`)];
  const message = Buffer.from(`n,,${SEPARATOR}${pairs.map((pair) => pair + SEPARATOR).join('')}${SEPARATOR}`);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeInt32BE(message.length);
  return Buffer.concat([length, message]);
}

function failed(reason: string): Error {
  // As kafkajs names it; its own class is not declared with a message.
  return Object.assign(new kafkajs.KafkaJSNonRetriableError(`SASL OAUTHBEARER authentication failed: ${reason}`), { name: 'KafkaJSSASLAuthenticationError' });
}

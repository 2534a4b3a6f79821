import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { DEFAULT_TIER, idSchema } from '@tandem/schemas';
import { TandemError } from '@tandem/shared/errors';
import { OccasionalWarning, type Logger } from '@tandem/shared/telemetry';
import { isLoopback } from '../options.ts';
import { scopeSchema, type Credential, type Scope } from './credential.ts';

/** A symmetric key would be in the JWKS for all to read. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];
const CLOCK_TOLERANCE_SECONDS = 5;

export interface TokensOptions {
  jwksUrl: string;
  issuer: string;
  audience: string;
  logger: Logger;
}

/** JSON Web Tokens of one issuer, whose keys are fetched and kept. */
export class Tokens {
  readonly #options: TokensOptions;
  readonly #keys: JWTVerifyGetKey;
  readonly #warning: OccasionalWarning;

  /** @throws {TandemError} `gateway_credentials`: the address is none */
  constructor(options: TokensOptions) {
    this.#options = options;
    this.#keys = createRemoteJWKSet(addressOf(options), { timeoutDuration: 5_000 });
    this.#warning = new OccasionalWarning(options.logger, { now: () => Date.now() }, 'the keys that sign tokens cannot be fetched');
  }

  /** Undefined: not a token that is valid now, of that issuer and for that audience, with a tenant. */
  async find(token: string): Promise<Credential | undefined> {
    const { issuer, audience } = this.#options;
    try {
      const { payload } = await jwtVerify(token, this.#keys, { issuer, audience, algorithms: ALGORITHMS, clockTolerance: CLOCK_TOLERANCE_SECONDS, requiredClaims: ['exp', 'sub'] });
      return credentialOf(payload);
    } catch (error) {
      if (!(error instanceof errors.JOSEError) || error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) this.#warning.warn(error);
      return undefined;
    }
  }
}

/** Whoever can answer in the issuer's place can make tokens. */
function addressOf({ jwksUrl, logger }: TokensOptions): URL {
  const url = URL.parse(jwksUrl);
  if (url === null || !/^https?:$/.test(url.protocol)) throw new TandemError(`gatewayJwksUrl = ${jwksUrl}: an address of https is expected, such as https://issuer.example/.well-known/jwks.json`, { code: 'gateway_credentials' });
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) logger.warn({ jwksUrl }, 'the keys that sign tokens are fetched without TLS: whoever is on the way can make tokens');
  return url;
}

/** Claims: `sub`, `tenant`, `tier`, and `scope` (RFC 8693: by spaces; also as `tandem:send`). */
function credentialOf({ sub, scope, tenant: tenantClaim, tier: tierClaim }: JWTPayload): Credential | undefined {
  const tenant = idSchema.safeParse(tenantClaim);
  const tier = idSchema.safeParse(tierClaim ?? DEFAULT_TIER);
  if (!tenant.success || !tier.success || sub === undefined) return undefined;
  const names = (typeof scope === 'string' ? scope : '').split(' ').map((name) => name.replace(/^tandem:/, ''));
  const scopes = new Set(names.filter((name): name is Scope => scopeSchema.safeParse(name).success));
  return { name: sub.slice(0, 200), tenant: tenant.data, tier: tier.data, scopes, ratePerSecond: undefined };
}

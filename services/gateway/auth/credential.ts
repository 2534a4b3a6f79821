import { DEFAULT_TIER, idSchema } from '@tandem/schemas';
import { z } from 'zod';

/** send: requests, interactions and inference. read: streams, the dashboard, models. operate: what changes the running system. */
export const scopeSchema = z.enum(['send', 'read', 'operate']);
export type Scope = z.infer<typeof scopeSchema>;

/** Whom a call comes from. Tenant and tier are of the credential: a body cannot claim them. */
export interface Credential {
  /** For rate limits, logs and the audit: names the key or the token's subject, and is no secret. */
  name: string;
  /** Undefined: all tenants, which only a gateway that asks for no credentials has. */
  tenant: string | undefined;
  /** Undefined: the body may choose, where no credentials are asked for. */
  tier: string | undefined;
  scopes: ReadonlySet<Scope>;
  /** Requests a second; undefined: by tier. */
  ratePerSecond: number | undefined;
}

/** Of a gateway that asks for no credentials. */
export const LOCAL: Credential = { name: 'local', tenant: undefined, tier: undefined, scopes: new Set(scopeSchema.options), ratePerSecond: undefined };

/** What a key's entry and a token's claims say of their holder. */
export const grantSchema = z.object({
  tenant: idSchema,
  tier: idSchema.default(DEFAULT_TIER),
  scopes: z.array(scopeSchema).min(1),
});

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { grantSchema, type Credential } from './credential.ts';

/** `tandem_` + an id that is no secret + `_` + 256 random bits. */
const KEY = /^tandem_([0-9a-f]{12})_([\w-]{43})$/;

/** What is kept of a key: never the key itself. */
export const apiKeySchema = grantSchema.extend({
  id: z.string().regex(/^[0-9a-f]{12}$/),
  name: z.string().min(1).max(100).describe('for people and the audit'),
  sha256: z.string().regex(/^[0-9a-f]{64}$/).describe('of the whole key'),
  ratePerSecond: z.number().positive().optional().describe('instead of the tier’s'),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().optional(),
});
export type ApiKey = z.infer<typeof apiKeySchema>;

/** The file of `--gateway-keys-file`. */
export const apiKeyFileSchema = z.strictObject({ keys: z.array(apiKeySchema) });

export type ApiKeyDraft = Pick<ApiKey, 'name' | 'tenant' | 'tier' | 'scopes'> & Partial<Pick<ApiKey, 'ratePerSecond' | 'expiresAt'>>;

/** @returns the key, to be shown once, and what is kept of it */
export function createApiKey(draft: ApiKeyDraft, now: Date): { key: string; entry: ApiKey } {
  const id = randomBytes(6).toString('hex');
  const key = `tandem_${id}_${randomBytes(32).toString('base64url')}`;
  return { key, entry: { ...draft, id, sha256: hashOf(key).toString('hex'), createdAt: now.toISOString() } };
}

/** Whether the text may be a key: else it is a token, or nothing. */
export function looksLikeApiKey(text: string): boolean {
  return text.startsWith('tandem_');
}

/** A table of keys by their ids. */
export class ApiKeys {
  readonly #keys: ReadonlyMap<string, { entry: ApiKey; sha256: Buffer; credential: Credential }>;

  constructor(entries: readonly ApiKey[]) {
    this.#keys = new Map(entries.map((entry) => [entry.id, { entry, sha256: Buffer.from(entry.sha256, 'hex'), credential: credentialOf(entry) }]));
  }

  get size(): number {
    return this.#keys.size;
  }

  /** Undefined: not a key that is valid now. Takes the same time whichever byte is wrong. */
  find(text: string, nowMs: number): Credential | undefined {
    const [, id] = KEY.exec(text) ?? [];
    const known = id === undefined ? undefined : this.#keys.get(id);
    if (known === undefined || !timingSafeEqual(hashOf(text), known.sha256)) return undefined;
    const { expiresAt } = known.entry;
    return expiresAt !== undefined && Date.parse(expiresAt) <= nowMs ? undefined : known.credential;
  }
}

function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

function credentialOf({ id, name, tenant, tier, scopes, ratePerSecond }: ApiKey): Credential {
  return { name: `${name} (${id})`, tenant, tier, scopes: new Set(scopes), ratePerSecond };
}

import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { TandemError, messageOf } from '../errors/index.ts';
import { invalidSetting } from './secret-files.ts';

/** What a module's `token()` resolves to. */
const tokenSchema = z.object({
  value: z.string().regex(/^[A-Za-z0-9._~+/-]+=*$/, 'must be a bearer token: letters, digits and . _ ~ + / - ='),
  expiresAtMs: z.number().positive().optional(),
  extensions: z.record(z.string().regex(/^[A-Za-z]+$/), z.string().regex(/^[\x20-\x7e\t\r\n]*$/)).optional(),
});

export interface OauthToken {
  value: string;
  extensions?: Record<string, string>;
}

/** A token is used until this long before it expires. */
const MARGIN_MS = 30_000;
/** A module that never answers must not keep a process from starting. */
const PATIENCE_MS = 15_000;

type TokenSource = () => Promise<unknown>;

/**
 * Tokens from the user's module, which exports `async function token()` that resolves to `{ value, expiresAtMs?, extensions? }`.
 * One with `expiresAtMs` is used again until shortly before it expires; without, the module is asked for each connection.
 * @throws {TandemError} `settings_invalid` when the module cannot be imported or exports no such function; the returned
 * function rejects with `oauth_token`, which names the module and never the token
 */
export async function oauthTokens(module: string): Promise<() => Promise<OauthToken>> {
  const source = await importSource(module);
  let known: (OauthToken & { expiresAtMs?: number | undefined }) | undefined;
  let asked: Promise<OauthToken> | undefined;
  const ask = async (): Promise<OauthToken> => {
    const token = await askSource(module, source);
    known = token;
    return token;
  };
  return async () => {
    if (known?.expiresAtMs !== undefined && known.expiresAtMs - MARGIN_MS > Date.now()) return known;
    asked ??= ask().finally(() => (asked = undefined));
    return asked;
  };
}

async function importSource(module: string): Promise<TokenSource> {
  const imported = (await import(pathToFileURL(resolve(module)).href).catch((error: unknown) => {
    throw invalidSetting('kafkaOauthModule', `${module} cannot be imported: ${messageOf(error)}`);
  })) as { token?: unknown };
  if (typeof imported.token !== 'function') {
    throw invalidSetting('kafkaOauthModule', `${module} must export a function named token that resolves to { value: string }`);
  }
  return imported.token as TokenSource;
}

async function askSource(module: string, source: TokenSource): Promise<OauthToken & { expiresAtMs?: number | undefined }> {
  let given: unknown;
  try {
    given = await withinPatience(source());
  } catch (error) {
    throw tokenError(`${module}: token() failed: ${messageOf(error)}`);
  }
  const { success, data, error } = tokenSchema.safeParse(given);
  if (!success) {
    const problems = error.issues.map(({ path, message }) => `${path.join('.') || 'the result'}: ${message}`).join('; ');
    throw tokenError(`${module}: token() must resolve to { value: string, expiresAtMs?: number, extensions?: object }: ${problems}`);
  }
  if (data.expiresAtMs !== undefined && data.expiresAtMs <= Date.now()) throw tokenError(`${module}: token() gave a token that has expired (expiresAtMs is in milliseconds)`);
  const { value, expiresAtMs, extensions } = data;
  return { value, expiresAtMs, ...(extensions === undefined ? {} : { extensions }) };
}

async function withinPatience(promise: Promise<unknown>): Promise<unknown> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no token within ${PATIENCE_MS / 1_000} s`)), PATIENCE_MS);
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function tokenError(message: string): TandemError {
  return new TandemError(message, { code: 'oauth_token', retryable: true });
}

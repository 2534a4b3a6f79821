import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { TandemError } from '@tandem/shared/errors';
import type { GatewayContext } from '../context.ts';
import { asksForCredentials, isLoopback, requireCredentials } from '../options.ts';
import { Problem } from '../problems/problem.ts';
import './end-with-credential.ts';
import { looksLikeApiKey } from './api-keys.ts';
import { LOCAL, type Credential, type Scope } from './credential.ts';
import { KeyFile } from './key-file.ts';
import { Tokens } from './tokens.ts';

type Identify = (request: FastifyRequest) => Promise<Credential>;

/** Of public routes where credentials are asked for. */
const NOBODY: Credential = { ...LOCAL, name: 'nobody', scopes: new Set() };

/**
 * Sets `request.credential`, and lets nobody through to a route whose scope the credential lacks.
 * @throws {TandemError} `gateway_credentials`: they are asked for, and there are none
 */
export function authenticate(fastify: FastifyInstance, context: GatewayContext): void {
  fastify.decorateRequest('credential', null as unknown as Credential);
  const identify = asksForCredentials(context.settings) ? byCredential(fastify, context) : byAddress(context);
  fastify.decorate('isStillLetIn', async (request: FastifyRequest) => {
    const { tenant, scopes } = request.credential;
    const now = await identify(request).catch(() => NOBODY);
    return now.tenant === tenant && [...scopes].every((scope) => now.scopes.has(scope));
  });
  fastify.addHook('onRequest', async (request) => {
    const scope = request.is404 ? 'public' : (request.routeOptions.config.scope ?? 'operate');
    request.credential = NOBODY;
    if (scope === 'public') return;
    request.credential = await identify(request);
    requireScope(request.credential, scope);
  });
}

/** @throws {Problem} `forbidden` */
function requireScope({ name, scopes }: Credential, scope: Scope): void {
  if (!scopes.has(scope)) throw new Problem('forbidden', { detail: `${name} may not do this: the scope ${scope} is needed.` });
}

/**
 * Without credentials only this machine is let in, where nothing else was chosen, and only under its own name: a page of the web that has its own name point here
 * would be called by another.
 * @throws {Problem} `forbidden`
 */
function byAddress({ settings: { gatewayHost, gatewayAuth } }: GatewayContext): Identify {
  if (!isLoopback(gatewayHost)) return byAnyAddress(gatewayHost);
  return async ({ host, headers }) => {
    const name = nameOf(host);
    if (!isLoopback(name)) throw new Problem('forbidden', { detail: `This gateway answers to localhost and 127.0.0.1, not to ${name.slice(0, 100)}.` });
    if (isOfAnotherSite(headers)) throw new Problem('forbidden', { detail: 'This gateway asks for no credentials, so it takes no calls from pages of other sites.' });
    if (gatewayAuth === 'auto' && isForwarded(headers)) throw new Problem('forbidden', { detail: 'The call came through a proxy, perhaps from elsewhere: give --gateway-auth on with keys, or --gateway-auth off where the proxy asks.' });
    return LOCAL;
  };
}

/** Where credentials are off by choice, on an address that others reach: a browser there may have a page open whose own name was made to point here. */
function byAnyAddress(gatewayHost: string): Identify {
  return async ({ host }) => {
    const name = nameOf(host);
    if (isNobodysToRegister(name) || name === gatewayHost) return LOCAL;
    throw new Problem('forbidden', { detail: `This gateway asks for no credentials, so it answers to addresses, to names without a dot and to its --gateway-host, not to ${name.slice(0, 100)}.` });
  };
}

/** Addresses, and names without a dot: localhost, services of one network. */
function isNobodysToRegister(name: string): boolean {
  return isIP(name.replace(/^\[|\]$/g, '')) !== 0 || /^[\w-]+$/.test(name);
}

function nameOf(host: string): string {
  return host.replace(/:\d+$/, '');
}

/** A page of the web cannot read what is answered, but could have things done: a browser says where the page is from. */
function isOfAnotherSite({ origin, 'sec-fetch-site': site }: IncomingHttpHeaders): boolean {
  return site === 'cross-site' || (origin !== undefined && !(URL.canParse(origin) && isLoopback(new URL(origin).hostname)));
}

/** A proxy on this machine calls under this machine's name, whoever called it. */
function isForwarded(headers: IncomingHttpHeaders): boolean {
  return headers.forwarded !== undefined || headers['x-forwarded-for'] !== undefined;
}

function byCredential(fastify: FastifyInstance, { settings, logger, clock }: GatewayContext): Identify {
  requireCredentials(settings);
  const { gatewayKeysFile, gatewayJwksUrl: jwksUrl, gatewayJwtIssuer: issuer, gatewayJwtAudience: audience } = settings;
  const file = gatewayKeysFile === undefined ? undefined : new KeyFile(gatewayKeysFile, logger);
  fastify.addHook('onClose', async () => file?.close());
  const tokens = jwksUrl === undefined ? undefined : new Tokens({ jwksUrl, ...completeTokens(issuer, audience), logger });
  return async (request) => {
    const text = credentialIn(request);
    const found = text === undefined ? undefined : looksLikeApiKey(text) ? file?.keys.find(text, clock.now()) : await tokens?.find(text);
    if (found !== undefined) return found;
    const detail = text === undefined ? 'Send an API key or a token: Authorization: Bearer …' : 'The credential is not valid, or not any more.';
    throw new Problem('unauthenticated', { detail, headers: { 'www-authenticate': 'Bearer realm="tandem"' } });
  };
}

function credentialIn({ headers }: FastifyRequest): string | undefined {
  const [, bearer] = /^Bearer +(\S{1,8192})$/i.exec(headers.authorization ?? '') ?? [];
  const key = headers['x-api-key'];
  return bearer ?? (typeof key === 'string' ? key : undefined);
}

function completeTokens(issuer: string | undefined, audience: string | undefined): { issuer: string; audience: string } {
  if (issuer !== undefined && audience !== undefined) return { issuer, audience };
  throw new TandemError('tokens need --gateway-jwks-url, --gateway-jwt-issuer and --gateway-jwt-audience together: without issuer and audience, tokens made for others would be taken', { code: 'gateway_credentials' });
}

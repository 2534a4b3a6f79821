import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { loadRegistry } from '@tandem/shared/registry';
import { endWithCredential } from '../auth/end-with-credential.ts';
import type { GatewayContext } from '../context.ts';
import { FairShare } from '../limits/fair-share.ts';
import { Problem } from '../problems/problem.ts';
import '../server/routes.ts';
import { act, actionSchema } from './actions.ts';
import { Aggregator } from './aggregator.ts';
import { loadAssets, type Asset } from './assets.ts';
import { EventStream, eventText } from './event-stream.ts';
import { explainedRequest } from './explained-request.ts';
import { listLetters, showLetter } from './operate/list-letters.ts';
import { listReleases } from './operate/list-releases.ts';
import { Operator } from './operate/operator.ts';
import type { History, Snapshot } from './snapshot.ts';

/** A look into the log is given up after so long. */
const LOOK_MS = 20_000;
/** Looks into the log read many records: so many at once, and of one tenant two. */
const LOOKS = { capacity: 3, tenantShare: 0.5 };
const DAY_MS = 86_400_000;
const NO_TITLES: ReadonlyMap<string, string> = new Map();

/** The page at `/`, what feeds it, and what an operator can do on it. Readers get figures; single requests and actions are for operators. */
export async function dashboard(fastify: FastifyInstance, context: GatewayContext): Promise<void> {
  const streams = { readers: new EventStream(), operators: new EventStream() };
  const aggregator = new Aggregator({
    ...context,
    prefix: context.settings.prefix,
    onSnapshot: (snapshot, newest) => {
      streams.operators.send('snapshot', { snapshot, newest });
      streams.readers.send('snapshot', { snapshot: withoutSingles(snapshot), newest });
    },
  });
  // Before the server waits for its connections: these would never end.
  fastify.addHook('preClose', async () => Object.values(streams).forEach((stream) => stream.close()));
  fastify.addHook('onClose', () => aggregator.stop());
  await addPage(fastify);
  addEvents(fastify, aggregator, streams);
  addLooks(fastify, context);
  addActions(fastify, context, aggregator);
  aggregator.start();
}

async function addPage(fastify: FastifyInstance): Promise<void> {
  const assets = await loadAssets();
  const open = { config: { scope: 'public' } } as const;
  fastify.get('/', open, (request, reply) => sendAsset(request, reply, assets.get('index.html')));
  fastify.get<{ Params: { name: string } }>('/dashboard/:name', open, (request, reply) => sendAsset(request, reply, assets.get(request.params.name)));
}

function sendAsset(request: FastifyRequest, reply: FastifyReply, asset: Asset | undefined): FastifyReply {
  if (asset === undefined) throw new Problem('not_found', { detail: 'The page has no such file.' });
  reply.headers({ 'content-type': asset.type, etag: asset.etag, 'cache-control': 'no-cache', vary: 'accept-encoding' });
  if (request.headers['if-none-match'] === asset.etag) return reply.code(304).send();
  const zips = request.headers['accept-encoding']?.includes('gzip') ?? false;
  return zips ? reply.header('content-encoding', 'gzip').send(asset.gzipped) : reply.send(asset.body);
}

function addEvents(fastify: FastifyInstance, aggregator: Aggregator, streams: { readers: EventStream; operators: EventStream }): void {
  fastify.get('/dashboard/events', { config: { scope: 'read' }, exposeHeadRoute: false }, (request, reply) => {
    const canOperate = request.credential.scopes.has('operate');
    const stream = canOperate ? streams.operators : streams.readers;
    if (reply.raw.destroyed) return void reply.hijack();
    if (!stream.takePlace(reply.raw, request.credential.tenant)) throw new Problem('overload', { detail: 'Too many dashboards are open on this gateway.', retryAfterSeconds: 10 });
    reply.hijack();
    reply.raw.writeHead(200, { ...headersOf(reply), 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
    reply.raw.write(first(aggregator, request.credential.name, canOperate));
    stream.add(reply.raw);
    endWithCredential(request, reply.raw);
  });
}

/** Those that other plugins have set, for security. */
function headersOf(reply: FastifyReply): Record<string, string> {
  return Object.fromEntries(Object.entries(reply.getHeaders()).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])));
}

/** Whom the page is for, the past, and what is now, so that nobody waits for the next second. */
function first(aggregator: Aggregator, actor: string, canOperate: boolean): string {
  const snapshot = aggregator.snapshot();
  const newest: History | null = null;
  const hello = eventText('hello', { actor, canOperate, history: aggregator.history, error: aggregator.error ?? null });
  return snapshot === undefined ? hello : hello + eventText('snapshot', { snapshot: canOperate ? snapshot : withoutSingles(snapshot), newest });
}

/** Tenants may read figures of the whole, and nothing of one another's requests. */
function withoutSingles(snapshot: Snapshot): Snapshot {
  return { ...snapshot, recent: [], audit: [], experiments: snapshot.experiments.map((experiment) => ({ ...experiment, by: '', why: '' })) };
}

function addLooks(fastify: FastifyInstance, { log, settings: { prefix }, clock, titles = NO_TITLES }: GatewayContext): void {
  const looks = new FairShare(LOOKS);
  const look = async <Found>({ credential: { tenant } }: FastifyRequest, into: (signal: AbortSignal) => Promise<Found | undefined>, missing: string): Promise<Found> => {
    const hold = looks.take(tenant);
    if (hold === undefined) throw new Problem('overload', { detail: 'Others are looking into the log; try again in a moment.', retryAfterSeconds: 2 });
    try {
      const found = await into(AbortSignal.timeout(LOOK_MS));
      if (found === undefined) throw new Problem('not_found', { detail: missing });
      return found;
    } finally {
      hold.release();
    }
  };
  const operators = { config: { scope: 'operate' } } as const;
  fastify.get<{ Params: { requestId: string } }>('/dashboard/requests/:requestId', operators, (request) =>
    look(request, (signal) => explainedRequest({ log, prefix, signal, requestId: request.params.requestId, titles, now: clock.now() }), 'The log of the last hour has nothing of a request of that id; `tandem explain` can look further back.'));
  fastify.get<{ Querystring: { hours?: string } }>('/dashboard/dead-letters', operators, (request) => {
    const { hours = '24' } = request.query;
    const sinceMs = Math.min(Math.max(Number(hours) || 24, 1), 24 * 14) * (DAY_MS / 24);
    return look(request, (signal) => listLetters(log, prefix, clock.now() - sinceMs, signal), 'There is no topic of dead letters.');
  });
  fastify.get<{ Querystring: { key?: string } }>('/dashboard/dead-letter', operators, (request) =>
    look(request, () => showLetter(log, prefix, request.query.key ?? ''), 'There is no such dead letter any more.'));
}

function addActions(fastify: FastifyInstance, { log, producer, settings: { prefix, models }, clock }: GatewayContext, aggregator: Aggregator): void {
  const operator = new Operator({ log, producer, prefix, clock });
  fastify.post('/dashboard/actions', { config: { scope: 'operate' } }, async (request) => {
    const wanted = actionSchema.safeParse(request.body);
    if (!wanted.success) throw new Problem('invalid_request', { detail: `There is no such action: ${wanted.error.issues[0]?.message ?? 'the body is not valid'}.` });
    return act(operator, request.credential.name, wanted.data, { experiments: aggregator.control?.experiments ?? [], models, signal: AbortSignal.timeout(LOOK_MS) });
  });
  fastify.get('/dashboard/releases', { config: { scope: 'operate' } }, async () => ({ releases: listReleases((await loadRegistry(models)).variants, aggregator.served()) }));
}

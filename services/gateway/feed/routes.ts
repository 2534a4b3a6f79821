import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { HEADER, idSchema, type Response } from '@tandem/schemas';
import type { LogRecord } from '@tandem/shared/log';
import type { Credential } from '../auth/credential.ts';
import { endWithCredential } from '../auth/end-with-credential.ts';
import type { GatewayContext } from '../context.ts';
import { problemResponse } from '../openapi/problem-schema.ts';
import { Problem } from '../problems/problem.ts';
import { abandonment, headerOf } from '../requests/call.ts';
import { readPositions, type Positions } from './positions.ts';
import type { ResponseFeed } from './response-feed.ts';
import { Subscription } from './subscription.ts';

const COMMENT_EVERY_MS = 15_000;
/** A client that is so far behind is cut off: it comes back with its last id, and nothing is lost. */
const MOST_UNSENT_BYTES = 4_194_304;

interface FeedQuery {
  workload?: string;
  lastEventId?: string;
  provisional?: string;
}

const documentation = {
  summary: 'Responses as they are made',
  description: 'Server-sent events `response`. A workload that the gateway does not know is a problem, `unknown_workload`. After a break the browser sends Last-Event-ID by itself, and what was missed comes first.',
  tags: ['responses'],
  querystring: { type: 'object', properties: { workload: { type: 'string', description: 'of this workload alone' }, lastEventId: { type: 'string', description: 'as the header Last-Event-ID' }, provisional: { type: 'string', enum: ['true', 'false'], description: 'true: provisional responses too, as events `provisional`' } } },
  headers: { type: 'object', properties: { 'last-event-id': { type: 'string' } } },
  response: { 200: { description: 'Events', content: { 'text/event-stream': { schema: { type: 'string' } } } }, default: problemResponse },
} as const;

/** `GET /v1/stream` */
export function addFeedRoute(fastify: FastifyInstance, context: GatewayContext): void {
  const { feed, shares } = context;
  const open = new Set<ServerResponse>();
  fastify.addHook('preClose', async () => {
    for (const raw of open) raw.end();
  });
  fastify.get<{ Querystring: FeedQuery }>('/v1/stream', { config: { scope: 'read' }, schema: documentation, exposeHeadRoute: false }, async (request, reply) => {
    if (context.draining) throw new Problem('draining', { detail: 'This gateway is going away; another will answer.', retryAfterSeconds: 1 });
    refuseUnknown(request.query.workload, context.workloadsByName);
    const accepts = filterOf(request.query, request.credential);
    const from = positionsOf(request);
    // Gone while its credential was looked at: nothing would tell any more.
    if (reply.raw.destroyed) return reply;
    const leave = shares.followers.take(request.credential.tenant, () => reply.raw.destroy());
    if (leave === undefined) throw new Problem('overload', { detail: 'As many follow here as may at once.', retryAfterSeconds: 5 });
    reply.raw.once('close', leave);
    await stream({ feed, from, accepts }, request, reply, open);
    return reply;
  });
}

type Followed = { feed: ResponseFeed; from: Positions | undefined; accepts: (record: LogRecord) => boolean };

async function stream(followed: Followed, request: FastifyRequest, reply: FastifyReply, open: Set<ServerResponse>): Promise<void> {
  const signal = abandonment(reply);
  const { raw } = reply;
  const subscription = new Subscription({ ...followed, signal, onRecord: (record, id) => send(raw, `id: ${id}\nevent: ${isProvisional(record) ? 'provisional' : 'response'}\ndata: ${textOf(record, request.credential)}\n\n`) });
  reply.hijack();
  raw.writeHead(200, { ...headersOf(reply), 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
  open.add(raw);
  endWithCredential(request, raw);
  const comments = setInterval(() => send(raw, ': still here\n\n'), COMMENT_EVERY_MS);
  raw.once('close', () => {
    clearInterval(comments);
    open.delete(raw);
    subscription.close();
  });
  try {
    raw.write('retry: 1000\n\n');
    await subscription.start();
    if (signal.aborted) subscription.close();
    // From here on a break can be mended, also one before the first response.
    else send(raw, `id: ${subscription.id}\nevent: caught-up\ndata: {}\n\n`);
  } catch (err) {
    request.log.error({ err }, 'a stream of responses failed');
    subscription.close();
    raw.destroy();
  }
}

function send(raw: ServerResponse, text: string): void {
  if (raw.writableLength > MOST_UNSENT_BYTES) raw.destroy();
  else if (!raw.destroyed && !raw.writableEnded) raw.write(text);
}

function headersOf(reply: FastifyReply): Record<string, string | number | string[]> {
  return Object.fromEntries(Object.entries(reply.getHeaders()).filter((entry): entry is [string, string | number | string[]] => entry[1] !== undefined));
}

function isProvisional({ headers }: LogRecord): boolean {
  return headers[HEADER.provisional] !== undefined;
}

/** Nothing would ever come. @throws {Problem} `invalid_request`, `unknown_workload` */
function refuseUnknown(workload: string | undefined, known: GatewayContext['workloadsByName']): void {
  if (workload === undefined || known.has(workload)) return;
  if (!idSchema.safeParse(workload).success) throw new Problem('invalid_request', { detail: 'workload: a name of a workload is expected' });
  throw new Problem('unknown_workload', { detail: `There is no workload ${workload}; there ${known.size === 1 ? 'is' : 'are'} ${[...known.keys()].toSorted().join(', ')}.` });
}

/** A tenant sees its own responses; without credentials, there are no tenants. */
function filterOf({ workload, provisional }: FeedQuery, { tenant }: Credential): (record: LogRecord) => boolean {
  // The name is looked for as JSON writes it, so that what is not asked for need not be parsed.
  const wanted = workload === undefined ? undefined : `"workload":"${workload}"`;
  const isOf = (value: Buffer): boolean => wanted === undefined || (value.includes(wanted) && (JSON.parse(value.toString('utf8')) as Response).workload === workload);
  return (record) => {
    const { headers, value } = record;
    return value !== null && (provisional === 'true' || !isProvisional(record)) && (tenant === undefined || headers[HEADER.tenant] === tenant) && isOf(value);
  };
}

/** @throws {Problem} `invalid_request` */
function positionsOf(request: FastifyRequest<{ Querystring: FeedQuery }>): Positions | undefined {
  const text = headerOf(request, 'last-event-id') ?? request.query.lastEventId;
  if (text === undefined || text === '') return undefined;
  const positions = readPositions(text);
  if (positions === undefined) throw new Problem('invalid_request', { detail: 'Last-Event-ID: give the id of an event of this stream, or none.' });
  return positions;
}

/** As the client knows its requests: without the tenant in front. */
function textOf({ value }: LogRecord, { tenant }: Credential): string {
  const text = value?.toString('utf8') ?? 'null';
  if (tenant === undefined) return text;
  const response = JSON.parse(text) as Response;
  const { requestId } = response;
  return requestId.startsWith(`${tenant}/`) ? JSON.stringify({ ...response, requestId: requestId.slice(tenant.length + 1) }) : text;
}

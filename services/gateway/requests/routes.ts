import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Response } from '@tandem/schemas';
import type { GatewayContext } from '../context.ts';
import { problemOf } from '../problems/of-response.ts';
import { Problem } from '../problems/problem.ts';
import { LookUps, readPlace, writePlace } from '../replies/look-up.ts';
import { admit } from './admit.ts';
import { abandonment, callOf, during, preferenceOf, type Preference } from './call.ts';
import { documentation } from './documentation.ts';
import { Exchange, forClient, waitMsOf } from './exchange.ts';
import { flowIdOf, prepareRequest, type Call, type PreparedRequest } from './prepare.ts';
import { repeated } from './repeated.ts';
import { streamFormOf, streamResponses } from './stream-one.ts';

/** `POST /v1/requests` and `GET /v1/requests/{id}`. */
export function addRequestRoutes(fastify: FastifyInstance, context: GatewayContext): void {
  const lookUps = new LookUps(context.log, context.settings.prefix, context.shares.lookUps);
  fastify.post('/v1/requests', { config: { scope: 'send' }, schema: documentation.post }, (request, reply) => post(request, reply, context));
  fastify.get<{ Params: { id: string }; Querystring: { at?: string } }>('/v1/requests/:id', { config: { scope: 'send' }, schema: documentation.get }, (request, reply) => get(request, reply, context, lookUps));
}

async function post(request: FastifyRequest, reply: FastifyReply, context: GatewayContext): Promise<FastifyReply> {
  const { call, span } = callOf(request, context);
  return during(span, () => exchanged(call, request, reply, context));
}

async function exchanged(call: Call, request: FastifyRequest, reply: FastifyReply, context: GatewayContext): Promise<FastifyReply> {
  const preference = preferenceOf(request);
  const prepared = prepareRequest(request.body, { ...call, takesProvisional: streamFormOf(request) !== undefined }, context);
  const hold = admit(prepared, call.credential, context);
  try {
    return await answer(new Exchange(prepared, hold, context), prepared, preference, request, reply, context);
  } finally {
    hold.release();
  }
}

async function answer(exchange: Exchange, prepared: PreparedRequest, preference: Preference, request: FastifyRequest, reply: FastifyReply, context: GatewayContext): Promise<FastifyReply> {
  const waitMs = Math.min(waitMsOf(prepared, context), preference.waitMs ?? Infinity);
  const isKept = prepared.isIdempotent || preference.async;
  if (isKept) {
    const earlier = await repeated(prepared, exchange, preference.async ? 0 : waitMs, context);
    if (earlier !== 'first') return earlier === undefined ? accepted(reply, prepared) : sendResponse(reply.header('idempotency-replayed', 'true'), earlier, prepared.requestId);
    exchange.keepAnswer();
  }
  if (preference.async) {
    await exchange.write();
    return accepted(reply, prepared);
  }
  const form = streamFormOf(request);
  if (form !== undefined) return streamResponses(form, prepared, exchange, waitMs, request, reply);
  return synchronous(prepared, exchange, { waitMs, isKept }, reply);
}

async function synchronous(prepared: PreparedRequest, exchange: Exchange, { waitMs, isKept }: { waitMs: number; isKept: boolean }, reply: FastifyReply): Promise<FastifyReply> {
  const startedAt = performance.now();
  const signal = abandonment(reply);
  const response = await exchange.run({ waitMs, signal });
  if (response !== undefined) return sendResponse(reply, response, prepared.requestId);
  if (signal.aborted) {
    if (!isKept) exchange.cancel();
    return reply;
  }
  exchange.keepAnswer();
  if (prepared.deadlineMs === undefined || performance.now() - startedAt < prepared.deadlineMs) return accepted(reply, prepared);
  throw new Problem('no_answer', { detail: `No response by the deadline of ${prepared.deadlineMs} ms. It may still come: GET the address in Location.`, requestId: prepared.requestId, headers: { location: addressOf(prepared) } });
}

function addressOf({ requestId, place }: PreparedRequest): string {
  return `/v1/requests/${encodeURIComponent(requestId)}?at=${writePlace(place)}`;
}

function accepted(reply: FastifyReply, prepared: PreparedRequest): FastifyReply {
  return pending(reply.header('location', addressOf(prepared)).header('preference-applied', 'respond-async'), prepared.requestId);
}

function pending(reply: FastifyReply, requestId: string): FastifyReply {
  return reply.code(202).header('retry-after', '1').send({ requestId, status: 'pending' });
}

function sendResponse(reply: FastifyReply, response: Response, requestId: string): FastifyReply {
  const own = forClient(response, requestId);
  const problem = problemOf(own);
  if (problem !== undefined) throw problem;
  return reply.code(200).send(own);
}

async function get(request: FastifyRequest<{ Params: { id: string }; Querystring: { at?: string } }>, reply: FastifyReply, context: GatewayContext, lookUps: LookUps): Promise<FastifyReply> {
  const { id } = request.params;
  const flowId = flowIdOf(id, request.credential);
  const { answers, erased, settings } = context;
  const kept = await answers.find(flowId);
  if (kept !== undefined) return sendResponse(reply, kept, id);
  const place = readPlace(request.query.at);
  const written = place === undefined || place.partition >= settings.partitions ? undefined : await lookUps.find(flowId, place, request.credential.tenant);
  const isForgotten = written !== undefined && erased.forgets(written);
  if (written?.final === true && !isForgotten) return sendResponse(reply, written, id);
  if (!isForgotten && (place !== undefined || (await answers.isClaimed(flowId)))) return pending(reply, id);
  throw new Problem('unknown_request', { detail: 'No answer is kept under that id: it was never asked for here, or is too old. With the query of the Location that the gateway gave, the log is searched too.', requestId: id });
}

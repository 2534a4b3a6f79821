import { once } from 'node:events';
import { PassThrough, type Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Response } from '@tandem/schemas';
import { endWithCredential } from '../auth/end-with-credential.ts';
import type { GatewayContext } from '../context.ts';
import { Problem } from '../problems/problem.ts';
import type { Hold } from '../limits/fair-share.ts';
import { whileItComes } from '../limits/body-timeout.ts';
import { problemResponse } from '../openapi/problem-schema.ts';
import { documented } from '../openapi/json-schema.ts';
import { admit } from './admit.ts';
import { callOf, callOfLine, during, type TracedCall } from './call.ts';
import { Exchange, forClient, waitMsOf, type ExchangeOptions } from './exchange.ts';
import { readLines, type Line } from './lines.ts';
import { draftSchema, prepareRequest, type Call, type PreparedRequest } from './prepare.ts';
import { repeated } from './repeated.ts';

const NDJSON = 'application/x-ndjson';
/** Lines of one batch that are on their way; the next is read when one is answered and its answer has been taken. */
const WINDOW = 256;

const documentation = {
  summary: 'Many requests, one a line',
  description: 'NDJSON in, NDJSON out: one line for each, in the order in which they are answered, while lines still come in. A line that asks for it (hints.provisional) has provisional responses before its final one. A line that cannot be answered with a response has `line`, its requestId where it can be read, and `problem`.',
  tags: ['requests'],
  body: { content: { [NDJSON]: { schema: { ...documented(draftSchema), description: 'one line' } } } },
  response: { 200: { description: 'Lines', content: { [NDJSON]: { schema: { type: 'string' } } } }, default: problemResponse },
} as const;

/** `POST /v1/requests:batch` */
export function addBatchRoute(fastify: FastifyInstance, context: GatewayContext): void {
  void fastify.register(async (instance) => {
    instance.removeAllContentTypeParsers();
    instance.addContentTypeParser([NDJSON, 'application/ndjson', 'application/jsonl'], (_request, payload, done) => done(null, payload));
    instance.post('/v1/requests::batch', { config: { scope: 'send', streamsBody: true }, schema: documentation }, (request, reply) => batch(request, reply, context));
  });
}

async function batch(request: FastifyRequest, reply: FastifyReply, context: GatewayContext): Promise<FastifyReply> {
  if (context.draining) throw new Problem('draining', { detail: 'This gateway is going away; another will answer.', retryAfterSeconds: 1 });
  if (reply.raw.destroyed) return reply;
  const hold = context.shares.batches.take(request.credential.tenant);
  if (hold === undefined) throw new Problem('overload', { detail: 'As many batches are open as may be at once, or of one tenant as leave room for others’; send more lines in each.', retryAfterSeconds: 1, headers: { connection: 'close' } });
  reply.raw.once('close', () => hold.release());
  if (request.body === undefined || request.body === null) throw new Problem('empty_value', { detail: 'Send requests, one a line.' });
  const call = callOf(request, context);
  const output = new PassThrough();
  const input = request.body as Readable;
  // Whoever has gone reads no answers; and what is sent when all is said is read by nobody.
  reply.raw.once('close', () => {
    output.destroy();
    input.destroy();
  });
  endWithCredential(request, reply.raw);
  const answer = (line: Line) => answerLine(line, { request, ...callOfLine(request, call, context), tell: (body) => offer(output, body) }, context);
  void during(call.span, () => run(input, output, answer, context));
  return reply.header('content-type', `${NDJSON}; charset=utf-8`).header('cache-control', 'no-store').header('x-accel-buffering', 'no').send(output);
}

/** Bounded by its window: what is not read by the client stops what is read from it. */
async function run(input: Readable, output: PassThrough, answer: (line: Line) => Promise<object>, { settings, logger }: GatewayContext): Promise<void> {
  const onTheirWay = new Set<Promise<void>>();
  try {
    for await (const line of readLines(whileItComes(input, settings.gatewayBodyTimeoutMs), settings.gatewayMaxBodyBytes)) {
      const done = answer(line).then((body) => write(output, body)).catch((err: unknown) => logger.error({ err }, 'a line of a batch failed'));
      const tracked: Promise<void> = done.finally(() => onTheirWay.delete(tracked));
      onTheirWay.add(tracked);
      if (onTheirWay.size >= WINDOW) await Promise.race(onTheirWay);
    }
  } catch (error) {
    logger.debug({ err: error }, 'a batch ended early');
    if (error instanceof Problem) await write(output, { problem: error.body });
  }
  await Promise.all(onTheirWay);
  output.end();
}

/** Resolves when there is room for more. */
async function write(output: PassThrough, body: object): Promise<void> {
  if (output.destroyed || output.write(`${JSON.stringify(body)}\n`)) return;
  await Promise.race([once(output, 'drain'), once(output, 'close')]);
}

/** What the next line replaces: whoever reads slowly is spared it. */
function offer(output: PassThrough, body: object): void {
  if (!output.destroyed && !output.writableNeedDrain) output.write(`${JSON.stringify(body)}\n`);
}

interface LineCall extends TracedCall {
  request: FastifyRequest;
  /** Of provisional responses. */
  tell: (body: object) => void;
}

async function answerLine(line: Line, lineCall: LineCall, context: GatewayContext): Promise<object> {
  const known: { requestId?: string } = {};
  try {
    const response = await during(lineCall.span, () => responseTo(line, lineCall, known, context));
    return { line: line.number, ...response };
  } catch (error) {
    return { line: line.number, ...known, problem: asProblem(error, context).body };
  }
}

/** @param known where the id is noted as soon as it can be read: what fails is told with it */
async function responseTo(line: Line, { request, call, tell }: LineCall, known: { requestId?: string }, context: GatewayContext): Promise<Response> {
  const holds: Hold[] = [];
  try {
    if ('problem' in line) throw line.problem;
    holds.push(holdLine(line.text, call, context));
    await request.server.countRequest(request);
    const prepared = prepareRequest(parse(line.text), { ...call, idempotencyKey: undefined }, context);
    const { requestId } = prepared;
    known.requestId = requestId;
    const hold = admit(prepared, call.credential, context);
    holds.push(hold);
    const exchange = new Exchange(prepared, hold, context);
    const waitMs = waitMsOf(prepared, context);
    const earlier = prepared.isIdempotent ? await repeated(prepared, exchange, waitMs, context) : 'first';
    if (prepared.isIdempotent && earlier === 'first') exchange.keepAnswer();
    const response = earlier === 'first' ? await exchange.run({ waitMs, ...listening(line.number, prepared, tell) }) : earlier;
    if (response !== undefined) return forClient(response, requestId);
    throw new Problem('no_answer', { detail: 'No response in time.', requestId });
  } finally {
    for (const hold of holds) hold.release();
  }
}

/** A line is in memory until it is answered, as a body is. */
function holdLine(text: string, { credential }: Call, { shares }: GatewayContext): Hold {
  const hold = shares.bodies.take(credential.tenant, text.length);
  if (hold === undefined) throw new Problem('overload', { detail: 'As many requests are in memory as fit, or of one tenant as leave room for others’.', retryAfterSeconds: 1 });
  return hold;
}

/** A line gets provisional responses where it asks for them by its hints. */
function listening(line: number, { request, requestId }: PreparedRequest, tell: (body: object) => void): Pick<ExchangeOptions, 'onProvisional'> {
  return request.hints?.provisional === true ? { onProvisional: (response) => tell({ line, ...forClient(response, requestId) }) } : {};
}

function asProblem(error: unknown, { logger }: GatewayContext): Problem {
  if (error instanceof Problem) return error;
  logger.error({ err: error }, 'a line of a batch failed');
  return new Problem('internal', { detail: 'A defect of Tandem or of what it stands on; the gateway’s log has it.' });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem('invalid_json', { detail: 'The line is not JSON.' });
  }
}

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Problem, type ProblemCode } from './problem.ts';

const CONTENT_TYPE = 'application/problem+json; charset=utf-8';
/** The Open Inference Protocol's own; KServe's client reads `error` under this very type and no other. */
const INFERENCE_CONTENT_TYPE = 'application/json';

/** What Fastify itself refuses, by its code. Its messages are its own and say nothing of the inside. */
const REFUSED: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_BODY_TOO_LARGE: 'too_large',
  FST_ERR_CTP_INVALID_JSON_BODY: 'invalid_json',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'empty_value',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'invalid_request',
  FST_ERR_BAD_URL: 'not_found',
  FST_ERR_MAX_PARAM_LENGTH: 'not_found',
};

/** Where the framework's words do not say what to do. */
function detailOf(refused: ProblemCode, message: string | undefined, { headers }: FastifyRequest): string {
  if (refused !== 'unsupported_media_type') return message ?? refused;
  return `The body's content type is ${headers['content-type']?.slice(0, 100) ?? 'not said'}; GET /openapi.json lists what each call takes, as a rule application/json (curl: -H 'content-type: application/json').`;
}

function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: Problem): FastifyReply {
  return reply.code(problem.status).headers(problem.headers).header('content-type', contentTypeOf(request)).serializer(JSON.stringify).send(problem.body);
}

function contentTypeOf(request: FastifyRequest): string {
  return /^\/v2(\/|$)/.test(pathOf(request)) ? INFERENCE_CONTENT_TYPE : CONTENT_TYPE;
}

/** Every error as problem+json, with a stable code and no stack trace; what was not foreseen is logged, and told as `internal`. */
export function handleErrors(fastify: FastifyInstance): void {
  fastify.setErrorHandler((error, request, reply) => sendProblem(request, reply, asProblem(error, request)));
  fastify.setNotFoundHandler((request, reply) => sendProblem(request, reply, new Problem('not_found', { detail: `There is no ${request.method} ${pathOf(request)}${otherMethod(request)}; GET /openapi.json lists what there is.` })));
}

/** Who opens the address of a POST in a browser is told that it is the right one. */
function otherMethod(request: FastifyRequest): string {
  const method = (['GET', 'POST'] as const).find((other) => request.server.hasRoute({ method: other, url: pathOf(request) }));
  return method === undefined ? '' : ` (there is ${method})`;
}

function asProblem(error: unknown, request: FastifyRequest): Problem {
  if (error instanceof Problem) return error;
  const { code, message, statusCode } = error as { code?: unknown; message?: string; statusCode?: unknown };
  const refused = typeof code === 'string' ? REFUSED[code] : undefined;
  if (refused !== undefined) return new Problem(refused, { detail: detailOf(refused, message, request) });
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) return new Problem('invalid_request', { detail: message ?? 'The call is not valid.' });
  request.log.error({ err: error }, 'a call failed');
  return new Problem('internal', { detail: 'A defect of Tandem or of what it stands on; the gateway’s log has it.' });
}

function pathOf({ url }: FastifyRequest): string {
  return url.split('?')[0]?.slice(0, 200) ?? '';
}

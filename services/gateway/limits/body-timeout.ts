import type { FastifyInstance } from 'fastify';
import { Problem } from '../problems/problem.ts';
import { BODY_TIMEOUT_MS } from './http-limits.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The body is read as it comes, for as long as it comes. @default false */
    streamsBody?: boolean;
  }
}

/** A body that comes one byte at a time is refused when its time is over; the connection ends with it. */
export function limitBodyTime(fastify: FastifyInstance, timeoutMs = BODY_TIMEOUT_MS): void {
  fastify.addHook('preParsing', async (request, reply, payload) => {
    if (request.routeOptions.config.streamsBody === true || request.headers['content-length'] === '0') return payload;
    const timer = setTimeout(() => {
      void reply.header('connection', 'close');
      payload.destroy(new Problem('request_timeout', { detail: `The body did not come whole within ${timeoutMs / 1_000} s.` }));
    }, timeoutMs);
    const done = () => clearTimeout(timer);
    payload.once('end', done).once('close', done).once('error', done);
    return payload;
  });
}

import type { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { Problem } from '../problems/problem.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The body is read as it comes, for as long as it comes; whoever reads it bounds how long it may stand still. @default false */
    streamsBody?: boolean;
  }
}

function tooSlow(how: string, timeoutMs: number): Problem {
  return new Problem('request_timeout', { detail: `The body did not come ${how} within ${timeoutMs / 1_000} s.` });
}

/** A body that comes one byte at a time is refused when its time is over; the connection ends with it. */
export function limitBodyTime(fastify: FastifyInstance, timeoutMs: number): void {
  fastify.addHook('preParsing', (request, reply, payload, next) => {
    if (request.routeOptions.config.streamsBody === true) return next(null, payload);
    const timer = setTimeout(() => {
      void reply.header('connection', 'close');
      // Destroyed, it would take the connection with it, and the answer.
      (payload as Readable).emit('error', tooSlow('whole', timeoutMs));
    }, timeoutMs);
    const done = () => clearTimeout(timer);
    payload.once('end', done).once('close', done).once('error', done);
    next(null, payload);
  });
}

/** Chunks of a stream that may take as long as it likes, but not stand still for longer while somebody waits for it. @throws {Problem} `request_timeout` */
export async function* whileItComes(input: Readable, timeoutMs: number): AsyncGenerator<Buffer> {
  const chunks = input[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  for (;;) {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(tooSlow('on', timeoutMs)), timeoutMs);
    const next = await Promise.race([chunks.next(), late.promise]).finally(() => clearTimeout(timer));
    if (next.done === true) return;
    yield next.value;
  }
}

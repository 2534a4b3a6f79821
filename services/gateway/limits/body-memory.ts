import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from '../problems/problem.ts';
import type { FairShare } from './fair-share.ts';

/** Counts bodies that are read whole, before a byte of them is read, until their calls have been answered. */
export function limitBodyMemory(fastify: FastifyInstance, bodies: FairShare): void {
  fastify.addHook('preParsing', (request, reply, payload, next) => {
    const bytes = bytesOf(request);
    if (request.routeOptions.config.streamsBody === true || bytes === 0) return next(null, payload);
    const hold = bodies.take(request.credential.tenant, bytes);
    if (hold === undefined) return next(noRoom());
    // Gone while its credential was looked at: nothing would tell any more.
    if (reply.raw.destroyed) hold.release();
    else reply.raw.once('close', () => hold.release());
    next(null, payload);
  });
}

/** What is not announced can be as large as is taken, and so can what is to be unpacked. */
function bytesOf({ headers, routeOptions: { bodyLimit = 0 } }: FastifyRequest): number {
  const announced = headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : bodyLimit;
  const isPacked = (headers['content-encoding'] ?? 'identity') !== 'identity';
  return announced === 0 ? 0 : Math.min(announced, bodyLimit) + (isPacked ? bodyLimit : 0);
}

function noRoom(): Problem {
  return new Problem('overload', { detail: 'As many bodies are being read as fit into memory, or of one tenant as leave room for others’.', retryAfterSeconds: 1, headers: { connection: 'close' } });
}

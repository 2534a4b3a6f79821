import type { FastifyInstance } from 'fastify';
import type { GatewayContext } from '../context.ts';

/** For load balancers: alive, and taking requests. */
export function addHealthRoutes(fastify: FastifyInstance, context: GatewayContext): void {
  const state = () => (context.draining ? 'draining' : 'running');
  fastify.get('/healthz', { config: { scope: 'public' } }, () => ({ state: state() }));
  fastify.get('/readyz', { config: { scope: 'public' } }, (_request, reply) => reply.code(context.draining ? 503 : 200).send({ state: state() }));
}

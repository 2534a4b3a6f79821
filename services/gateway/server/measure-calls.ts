import type { FastifyInstance } from 'fastify';
import type { GatewayContext } from '../context.ts';

/** The route's pattern and the status are the labels: both are of closed lists. */
export function measureCalls(fastify: FastifyInstance, { metrics, shares }: GatewayContext): void {
  fastify.addHook('onResponse', (request, reply, done) => {
    const { url: route = 'none', config } = request.routeOptions;
    if (config.scope === 'send') metrics.gatewaySeconds.observe({ route, status: String(reply.statusCode) }, reply.elapsedTime / 1_000);
    metrics.gatewayWaiting.set(shares.waiting.used);
    done();
  });
}

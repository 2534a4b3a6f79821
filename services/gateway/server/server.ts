import helmet from '@fastify/helmet';
import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { authenticate } from '../auth/authenticate.ts';
import type { GatewayContext } from '../context.ts';
import { PLUGINS } from '../plugins.ts';
import { handleErrors } from '../problems/error-handler.ts';
import { answerClientErrors } from './client-errors.ts';
import { addHealthRoutes } from './health.ts';
import { HTTP_LIMITS } from './limits.ts';
import './routes.ts';

/** A server with all routes, not listening yet. */
export async function buildServer(context: GatewayContext): Promise<FastifyInstance> {
  const { settings, logger } = context;
  const fastify = Fastify({
    loggerInstance: logger.child({}, { level: 'warn' }) as FastifyBaseLogger,
    disableRequestLogging: true,
    bodyLimit: settings.gatewayMaxBodyBytes,
    routerOptions: { maxParamLength: 300 },
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    clientErrorHandler: answerClientErrors,
    http: HTTP_LIMITS,
  });
  // Documents are validated by the schemas' own parsers, and written as they are.
  fastify.setValidatorCompiler(() => () => true);
  fastify.setSerializerCompiler(() => JSON.stringify);
  handleErrors(fastify);
  await fastify.register(helmet, { contentSecurityPolicy: { directives: { 'upgrade-insecure-requests': null } }, strictTransportSecurity: false });
  await authenticate(fastify, context);
  addHealthRoutes(fastify, context);
  for (const plugin of PLUGINS) await fastify.register((instance) => plugin(instance, context));
  await fastify.ready();
  return fastify;
}

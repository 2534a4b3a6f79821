import helmet from '@fastify/helmet';
import Fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { authenticate } from '../auth/authenticate.ts';
import type { GatewayContext } from '../context.ts';
import { PLUGINS } from '../plugins.ts';
import { addRequestRoutes } from '../requests/routes.ts';
import { handleErrors } from '../problems/error-handler.ts';
import { answerClientErrors } from './client-errors.ts';
import { addHealthRoutes } from './health.ts';
import { HTTP_LIMITS } from './limits.ts';
import './routes.ts';

/** Pages are served from here, with all that they need. Styles may stand in elements: charts set theirs so. */
const POLICY = {
  'default-src': ["'self'"], 'style-src': ["'self'", "'unsafe-inline'"], 'img-src': ["'self'", 'data:'], 'object-src': ["'none'"], 'base-uri': ["'none'"],
  'frame-ancestors': ["'none'"], 'form-action': ["'self'"],
};

/** A server with all routes, not listening yet. */
export async function buildServer(context: GatewayContext): Promise<FastifyInstance> {
  const { settings, logger } = context;
  const fastify = Fastify({
    loggerInstance: logger.child({}, { level: 'warn' }) as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: settings.gatewayMaxBodyBytes,
    routerOptions: { maxParamLength: 300 },
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    clientErrorHandler: answerClientErrors,
    http: HTTP_LIMITS,
  });
  fastify.removeContentTypeParser('text/plain');
  // Documents are validated by the schemas' own parsers, and written as they are.
  fastify.setValidatorCompiler(() => () => true);
  fastify.setSerializerCompiler(() => JSON.stringify);
  handleErrors(fastify);
  await fastify.register(helmet, { contentSecurityPolicy: { useDefaults: false, directives: POLICY }, strictTransportSecurity: false });
  await authenticate(fastify, context);
  addHealthRoutes(fastify, context);
  addRequestRoutes(fastify, context);
  for (const plugin of PLUGINS) await fastify.register((instance) => plugin(instance, context));
  await fastify.ready();
  return fastify;
}

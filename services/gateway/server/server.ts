import helmet from '@fastify/helmet';
import Fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { authenticate } from '../auth/authenticate.ts';
import type { GatewayContext } from '../context.ts';
import { limitBodyMemory } from '../limits/body-memory.ts';
import { limitBodyTime } from '../limits/body-timeout.ts';
import { httpLimits } from '../limits/http-limits.ts';
import { limitRates } from '../limits/rate-limits.ts';
import type { GatewayPlugin } from '../plugins.ts';
import { addFeedRoute } from '../feed/routes.ts';
import { addInferenceRoutes } from '../inference/routes.ts';
import { addInteractionRoute } from '../interactions/routes.ts';
import { addBatchRoute } from '../requests/batch.ts';
import { addRequestRoutes } from '../requests/routes.ts';
import { collectRoutes, serveDocument } from '../openapi/document.ts';
import { handleErrors } from '../problems/error-handler.ts';
import { answerClientErrors } from './client-errors.ts';
import { addHealthRoutes } from './health.ts';
import { measureCalls } from './measure-calls.ts';
import './routes.ts';

/** Pages are served from here, with all that they need. Styles may stand in elements: charts set theirs so. */
const POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

/** A server with all routes, not listening yet. */
export async function buildServer(context: GatewayContext, plugins: readonly GatewayPlugin[]): Promise<FastifyInstance> {
  const { settings, logger } = context;
  const loggerInstance: FastifyBaseLogger = logger.child({}, { level: 'warn' });
  const fastify = Fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: settings.gatewayMaxBodyBytes,
    routerOptions: { maxParamLength: 300 },
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    clientErrorHandler: answerClientErrors,
    http: httpLimits(settings),
  });
  fastify.removeContentTypeParser('text/plain');
  // Documents are validated by the schemas' own parsers, and written as they are.
  fastify.setValidatorCompiler(() => () => true);
  fastify.setSerializerCompiler(() => JSON.stringify);
  handleErrors(fastify);
  context.inFlight.watch(fastify);
  measureCalls(fastify, context);
  // Helmet would put the policy together anew for each answer.
  await fastify.register(helmet, { contentSecurityPolicy: false, strictTransportSecurity: false });
  fastify.addHook('onRequest', (_request, reply, done) => {
    void reply.header('content-security-policy', POLICY);
    done();
  });
  authenticate(fastify, context);
  await limitRates(fastify, context);
  limitBodyMemory(fastify, context.shares.bodies);
  limitBodyTime(fastify, settings.gatewayBodyTimeoutMs);
  await collectRoutes(fastify);
  addHealthRoutes(fastify, context);
  addRequestRoutes(fastify, context);
  addBatchRoute(fastify, context);
  addFeedRoute(fastify, context);
  addInteractionRoute(fastify, context);
  addInferenceRoutes(fastify, context);
  await serveDocument(fastify);
  for (const plugin of plugins) await fastify.register((instance) => plugin(instance, context));
  await fastify.ready();
  return fastify;
}

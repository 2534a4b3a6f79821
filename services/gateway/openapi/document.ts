import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';

const DESCRIPTION = `Requests in, answers out. Every error is problem+json (RFC 9457; under /v2 as application/json) with a stable code, docs/codes.md.

Where the gateway asks for credentials: \`Authorization: Bearer <API key or JWT>\`. Tenant and tier are the credential's.`;

/** Register before the routes, which it collects. */
export async function collectRoutes(fastify: FastifyInstance): Promise<void> {
  await fastify.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Tandem gateway', version: '0.1.0', description: DESCRIPTION, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', description: 'an API key (tandem gateway keys create) or a JSON Web Token' } } },
      security: [{ bearer: [] }, {}],
    },
    hideUntagged: true,
  });
}

/** `/openapi.json`, and `/docs` to try it: everything the page needs comes from here. */
export async function serveDocument(fastify: FastifyInstance): Promise<void> {
  fastify.get('/openapi.json', { config: { scope: 'public' } }, () => fastify.swagger());
  await fastify.register(async (instance) => {
    instance.addHook('onRoute', (route) => {
      route.config = { ...route.config, scope: 'public' };
    });
    await instance.register(swaggerUi, { routePrefix: '/docs', uiConfig: { deepLinking: true, validatorUrl: null, layout: 'BaseLayout' }, theme: { title: 'Tandem gateway' } });
  });
}

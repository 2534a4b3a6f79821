import type { FastifyInstance } from 'fastify';
import type { GatewayContext } from './context.ts';
import { dashboard } from './dashboard/index.ts';

/**
 * A part of the gateway with routes of its own, such as the dashboard. Each route says in `config.scope` who may call it: `public`, `read`,
 * `send` or `operate` (see server/routes.ts); whoever calls is then `request.credential`. Hooks stay inside the plugin.
 * @param fastify an instance of its own: add routes, and `onClose` for what has to be closed
 */
export type GatewayPlugin = (fastify: FastifyInstance, context: GatewayContext) => void | Promise<void>;

/** In the order in which they are registered. */
export const PLUGINS: readonly GatewayPlugin[] = [dashboard];

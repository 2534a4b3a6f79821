import type { Credential, Scope } from '../auth/credential.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call: anybody, or credentials with that scope. @default 'operate', so that a route that forgets it is closed */
    scope?: 'public' | Scope;
  }
  interface FastifyRequest {
    /** Whom the call comes from. Of public routes: nobody in particular. */
    credential: Credential;
  }
}

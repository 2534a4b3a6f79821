import type { ServerResponse } from 'node:http';
import type { FastifyRequest } from 'fastify';

const LOOK_EVERY_MS = 5_000;

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether the call would be let in now as it was when it began: credentials expire and are revoked. */
    isStillLetIn(request: FastifyRequest): Promise<boolean>;
  }
}

/** For answers that last as long as the caller likes: cuts the connection once the credential is not valid any more. */
export function endWithCredential(request: FastifyRequest, raw: ServerResponse): void {
  if (raw.destroyed) return;
  const timer = setInterval(() => {
    void request.server.isStillLetIn(request).then((isLetIn) => {
      if (!isLetIn) raw.destroy();
    });
  }, LOOK_EVERY_MS);
  raw.once('close', () => clearInterval(timer));
}

import type { FastifyInstance } from 'fastify';

/** Calls that bring work, and are being answered. Streams and looks are ended when the server closes. */
export class InFlight {
  #count = 0;
  #onIdle: (() => void) | undefined;

  /** Counts each of them from its headers on until its answer is out, or its caller gone. */
  watch(fastify: FastifyInstance): void {
    fastify.addHook('onRequest', (request, reply, done) => {
      if (request.routeOptions.config.scope === 'send') {
        this.#count += 1;
        reply.raw.once('close', () => this.#left());
      }
      done();
    });
  }

  /** Resolves when there is none, or the time is over. */
  async idle(timeoutMs: number): Promise<void> {
    if (this.#count === 0) return;
    const idle = new Promise<void>((resolve) => (this.#onIdle = resolve));
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(() => late.resolve(), timeoutMs);
    await Promise.race([idle, late.promise]).finally(() => clearTimeout(timer));
  }

  #left(): void {
    this.#count -= 1;
    if (this.#count === 0) this.#onIdle?.();
  }
}

import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { TandemError, messageOf } from '@tandem/shared/errors';
import type { GatewayContext } from './context.ts';
import type { GatewayOptions } from './options.ts';
import { buildServer } from './server/server.ts';

/** HTTP in and out. Knows the log, and no stage. */
export class Gateway implements AsyncDisposable {
  readonly #context: GatewayContext & { draining: boolean };
  readonly #server: FastifyInstance;

  private constructor(context: GatewayContext & { draining: boolean }, server: FastifyInstance) {
    this.#context = context;
    this.#server = server;
  }

  /** @throws {TandemError} `gateway_port`: the address cannot be listened on */
  static async start({ settings, ports }: GatewayOptions): Promise<Gateway> {
    const context = { ...ports, settings, workloadsByName: new Map(ports.workloads.map((workload) => [workload.name, workload])), draining: false };
    const server = await buildServer(context);
    const gateway = new Gateway(context, server);
    const { gatewayHost: host, gatewayPort: port = 0 } = settings;
    await server.listen({ host, port }).catch(async (error: unknown) => {
      await gateway[Symbol.asyncDispose]();
      throw new TandemError(`${host}:${port} cannot be listened on (${messageOf(error)}): choose another --gateway-port, or 0 for a free one`, { code: 'gateway_port', cause: error });
    });
    return gateway;
  }

  /** For tests: calls without a socket. */
  get server(): FastifyInstance {
    return this.#server;
  }

  /** Where it listens, as an address of a browser. */
  get url(): string {
    const address = this.#server.server.address() as AddressInfo | null;
    const { gatewayHost } = this.#context.settings;
    const host = gatewayHost === '0.0.0.0' || gatewayHost === '::' ? 'localhost' : gatewayHost.includes(':') ? `[${gatewayHost.replace(/^\[|\]$/g, '')}]` : gatewayHost;
    return `http://${host}:${address?.port ?? 0}`;
  }

  /** Refuses what is new, finishes what is on its way, closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#context.draining = true;
    await this.#server.close();
  }
}

import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { TandemError, messageOf } from '@tandem/shared/errors';
import type { GatewayContext } from './context.ts';
import { ResponseFeed } from './feed/response-feed.ts';
import { makeShares } from './limits/shares.ts';
import type { GatewayOptions } from './options.ts';
import { LoadWatch } from './overload/load-watch.ts';
import { PLUGINS, type GatewayPlugin } from './plugins.ts';
import { Answers } from './replies/answers.ts';
import { ErasedUsers } from './replies/erased-users.ts';
import { ReplyDesk } from './replies/reply-desk.ts';
import { InFlight } from './server/in-flight.ts';
import { buildServer } from './server/server.ts';

/** For connections that are still open when all calls have been answered. */
const LAST_MS = 2_000;

type OwnContext = GatewayContext & { draining: boolean };

async function openContext({ settings, ports }: GatewayOptions): Promise<OwnContext> {
  const { log, cache, clock, logger, workloads } = ports;
  const { prefix, instance, gatewayAnswerTtlMs: ttlMs } = settings;
  const erased = new ErasedUsers({ log, prefix, clock, logger });
  const answers = new Answers({ cache, ttlMs, clock, logger, erased });
  // What was kept before that has ended by itself.
  erased.follow((user, erasedAt) => void (erasedAt > clock.now() - ttlMs && answers.forget(user)));
  return {
    ...ports,
    settings,
    workloadsByName: new Map(workloads.map((workload) => [workload.name, workload])),
    desk: await ReplyDesk.open({ log, prefix, instance, logger }),
    answers,
    erased,
    load: await LoadWatch.open({ log, prefix, clock, logger }),
    feed: new ResponseFeed({ log, prefix, logger }),
    inFlight: new InFlight(),
    shares: makeShares(settings),
    draining: false,
  };
}

async function closeContext({ desk, erased, load, feed }: OwnContext): Promise<void> {
  await Promise.all([desk.close(), erased.close(), load.close(), feed.close()]);
}

/** HTTP in and out. Knows the log, and no stage. */
export class Gateway implements AsyncDisposable {
  readonly #context: OwnContext;
  readonly #server: FastifyInstance;
  #closing: Promise<void> | undefined;

  private constructor(context: OwnContext, server: FastifyInstance) {
    this.#context = context;
    this.#server = server;
  }

  /** @throws {TandemError} `gateway_port`: the address cannot be listened on; `gateway_credentials`: nobody could be let in */
  static async start(options: GatewayOptions, plugins: readonly GatewayPlugin[] = PLUGINS): Promise<Gateway> {
    const context = await openContext(options);
    const server = await buildServer(context, plugins).catch(async (error: unknown) => {
      await closeContext(context);
      throw error;
    });
    const gateway = new Gateway(context, server);
    const { gatewayHost: host, gatewayPort: port = 0 } = options.settings;
    await gateway.#server.listen({ host, port }).catch(async (error: unknown) => {
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
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { settings, inFlight } = this.#context;
    this.#context.draining = true;
    await inFlight.idle(settings.drainTimeoutMs);
    const late = setTimeout(() => this.#server.server.closeAllConnections(), LAST_MS);
    await this.#server.close();
    clearTimeout(late);
    await closeContext(this.#context);
  }
}

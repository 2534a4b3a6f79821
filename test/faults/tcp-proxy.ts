import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface Conditions {
  /** Each way. @default 0 */
  delayMs?: number;
  /** Each way, per connection. @default Infinity */
  bytesPerSecond?: number;
}

/** How much one direction holds back before it stops reading; the rest stays with the sender. */
const MAX_HELD_BYTES = 1_048_576;

/** One direction of a connection: what was read waits for its time, in order. */
class OneWay {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #conditions: () => Required<Conditions> & { stalled: boolean };
  readonly #held: { chunk: Buffer; dueAt: number }[] = [];
  #heldBytes = 0;
  #freeAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(from: Socket, to: Socket, conditions: () => Required<Conditions> & { stalled: boolean }) {
    this.#from = from;
    this.#to = to;
    this.#conditions = conditions;
    from.on('data', (chunk: Buffer) => this.#hold(chunk));
    from.on('end', () => {
      this.#ended = true;
      this.pump();
    });
    to.on('drain', () => this.pump());
    from.on('close', () => clearTimeout(this.#timer));
    to.on('close', () => clearTimeout(this.#timer));
  }

  /** Passes on what is due; called again when conditions change. */
  pump(): void {
    clearTimeout(this.#timer);
    for (let head = this.#held[0]; head !== undefined; head = this.#held[0]) {
      const { stalled, bytesPerSecond } = this.#conditions();
      if (stalled || this.#to.writableNeedDrain) return;
      const waitMs = Math.max(head.dueAt, this.#freeAt) - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.pump(), Math.ceil(waitMs));
        return;
      }
      this.#freeAt = performance.now() + (head.chunk.length * 1_000) / bytesPerSecond;
      this.#pass();
    }
    if (this.#ended) this.#to.end();
  }

  #hold(chunk: Buffer): void {
    this.#held.push({ chunk, dueAt: performance.now() + this.#conditions().delayMs });
    this.#heldBytes += chunk.length;
    if (this.#heldBytes > MAX_HELD_BYTES) this.#from.pause();
    this.pump();
  }

  #pass(): void {
    const { chunk } = this.#held.shift()!;
    this.#heldBytes -= chunk.length;
    if (this.#heldBytes <= MAX_HELD_BYTES) this.#from.resume();
    this.#to.write(chunk);
  }
}

/** Stands on 127.0.0.1 between clients and one server, and makes the network between them as bad as a test asks. */
export class TcpProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  readonly #ways = new Set<OneWay>();
  /** Accepted while the network was silent: connected to the server when it heals. */
  #waiting: Socket[] = [];
  #conditions: Required<Conditions> = { delayMs: 0, bytesPerSecond: Infinity };
  #state: 'open' | 'cut' | 'stalled' = 'open';

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer({ noDelay: true }, (client) => this.#accept(client));
  }

  /** @param targetPort on 127.0.0.1; nothing has to listen there yet */
  static async start(targetPort: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(targetPort);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** What is sent from now on travels like this. */
  shape(conditions: Conditions): void {
    this.#conditions = { delayMs: 0, bytesPerSecond: Infinity, ...conditions };
  }

  /** Resets (RST) all connections, and new ones as they come. */
  cut(): void {
    this.#state = 'cut';
    for (const socket of this.#sockets) socket.resetAndDestroy();
    this.#waiting = [];
  }

  /** Keeps connections and accepts new ones, and passes nothing on: a peer that has gone silent. */
  stall(): void {
    this.#state = 'stalled';
  }

  /** As if nothing had been: what a stall held back arrives. */
  heal(): void {
    this.#state = 'open';
    this.shape({});
    for (const client of this.#waiting.splice(0)) if (!client.destroyed) this.#bridge(client);
    for (const way of this.#ways) way.pump();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    this.#watch(client);
    if (this.#state === 'cut') client.resetAndDestroy();
    else if (this.#state === 'stalled') this.#waiting.push(client);
    else this.#bridge(client);
  }

  #bridge(client: Socket): void {
    const upstream = connect({ port: this.#target, host: '127.0.0.1', noDelay: true });
    this.#watch(upstream);
    const conditions = () => ({ ...this.#conditions, stalled: this.#state === 'stalled' });
    const ways = [new OneWay(client, upstream, conditions), new OneWay(upstream, client, conditions)];
    for (const way of ways) this.#ways.add(way);
    const closed = (other: Socket) => () => {
      for (const way of ways) this.#ways.delete(way);
      other.destroy();
    };
    client.on('close', closed(upstream));
    upstream.on('close', closed(client));
  }

  #watch(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }
}

import { Agent, request as httpRequest } from 'node:http';
import type { Judged } from './judge.ts';
import { OpenLoop, type DueRequest, type Load, type Offer } from './open-loop.ts';

/** How a server wants to be asked. */
export interface HttpProtocol {
  path: string;
  /** The body of a request. @param history JSON text, item ids as strings */
  body(history: string): string;
  /** The answer, `{"status":"complete","result":{…}}`, out of a response's body. @default the body */
  answer?(body: Buffer): Buffer;
}

/** Connections at most; a browser's user has one of his own, but a client of a service keeps a pool. */
const CONNECTIONS = 256;
const TIMEOUT_MS = 60_000;
const REFUSED = Buffer.from('{"status":"rejected"}');
const OK = 200;

/** Offers requests over HTTP with kept connections, open loop as over the log. */
export class HttpLoad implements Load {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  readonly #loop: OpenLoop;
  readonly #port: number;
  readonly #protocol: HttpProtocol;

  constructor(port: number, protocol: HttpProtocol, sloMs: number) {
    this.#port = port;
    this.#protocol = protocol;
    this.#loop = new OpenLoop(sloMs, (requests) => requests.forEach((request) => this.#post(request)));
  }

  offer(offer: Offer): Promise<Judged> {
    return this.#loop.offer(offer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy();
  }

  #post({ number, request: { history } }: DueRequest): void {
    const { path, body, answer = (bytes: Buffer) => bytes } = this.#protocol;
    const text = body(history);
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    const sent = httpRequest({ host: '127.0.0.1', port: this.#port, path, method: 'POST', agent: this.#agent, headers, timeout: TIMEOUT_MS }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => this.#loop.answered(number, response.statusCode === OK ? answer(Buffer.concat(chunks)) : REFUSED));
      response.on('error', () => undefined);
    });
    // A server that is not up yet, or that drops a connection, has not answered.
    sent.on('error', () => undefined);
    sent.on('timeout', () => sent.destroy());
    sent.end(text);
  }
}

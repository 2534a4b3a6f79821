import { producerClosed } from '../errors.ts';

/** Counts bytes that are not acknowledged, and lets senders wait for room. */
export class PendingBytes {
  readonly #max: number;
  #bytes = 0;
  #abandoned = false;
  #roomWaiters: { bytes: number; resolve: () => void; reject: (error: unknown) => void }[] = [];
  #idleWaiters: (() => void)[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  get empty(): boolean {
    return this.#bytes === 0;
  }

  /** Nobody will be let in any more. */
  get abandoned(): boolean {
    return this.#abandoned;
  }

  /** A record larger than the bound goes alone. */
  hasRoom(bytes: number): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= this.#max;
  }

  /** @throws {TandemError} `producer_closed` */
  async room(bytes: number): Promise<void> {
    if (this.#abandoned) throw producerClosed();
    await new Promise<void>((resolve, reject) => this.#roomWaiters.push({ bytes, resolve, reject }));
  }

  /** Resolves when nothing is pending. */
  async idle(): Promise<void> {
    if (this.#bytes > 0) await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  remove(bytes: number): void {
    this.#bytes -= bytes;
    const [first] = this.#roomWaiters;
    if (first !== undefined && this.hasRoom(first.bytes)) {
      this.#roomWaiters.shift();
      first.resolve();
    }
    if (this.#bytes === 0) for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }

  abandon(): void {
    this.#abandoned = true;
    for (const { reject } of this.#roomWaiters.splice(0)) reject(producerClosed());
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }
}

const PLAIN_EVERY_MS = 30_000;
const TERMINAL_EVERY_MS = 500;

/** One line that renews itself on a terminal; elsewhere a line now and then. */
export class Progress implements Disposable {
  readonly #line: () => string;
  readonly #timer: NodeJS.Timeout;
  readonly #terminal = process.stderr.isTTY;

  constructor(line: () => string) {
    this.#line = line;
    this.#timer = setInterval(() => this.#show(), this.#terminal ? TERMINAL_EVERY_MS : PLAIN_EVERY_MS);
  }

  /** Something to be kept above the line. */
  say(text: string): void {
    process.stderr.write(this.#terminal ? `\r\u001b[K${text}\n` : `${text}\n`);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    if (this.#terminal) process.stderr.write('\r\u001b[K');
  }

  #show(): void {
    process.stderr.write(this.#terminal ? `\r\u001b[K${this.#line()}` : `${this.#line()}\n`);
  }
}

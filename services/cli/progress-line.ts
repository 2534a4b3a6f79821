const EVERY_MS = 250;

/** One line on standard error that is written over, on a terminal; elsewhere nothing: a log or a pipe is not watched. Nothing for what is quick. */
export class ProgressLine {
  readonly #terminal = process.stderr.isTTY;
  #shownAt = Date.now();
  #width = 0;

  show(text: () => string): void {
    const now = Date.now();
    if (!this.#terminal || now - this.#shownAt < EVERY_MS) return;
    this.#shownAt = now;
    const line = text();
    process.stderr.write(`\r${line.padEnd(this.#width)}`);
    this.#width = line.length;
  }

  end(): void {
    if (this.#width > 0) process.stderr.write(`\r${' '.repeat(this.#width)}\r`);
  }
}

export function percent(done: number, all: number): string {
  return `${all === 0 ? 100 : Math.floor((100 * done) / all)} %`;
}

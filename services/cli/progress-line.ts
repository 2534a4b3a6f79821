const EVERY_MS = 250;

/** One line on standard error that is written over, on a terminal; elsewhere one line every ten seconds. Nothing for what is quick. */
export class ProgressLine {
  readonly #terminal = process.stderr.isTTY;
  readonly #startedAt = Date.now();
  #shownAt = this.#startedAt;
  #width = 0;

  show(text: () => string): void {
    const now = Date.now();
    if (now - this.#shownAt < (this.#terminal ? EVERY_MS : 40 * EVERY_MS)) return;
    this.#shownAt = now;
    this.#write(text());
  }

  end(): void {
    if (this.#terminal && this.#width > 0) process.stderr.write(`\r${' '.repeat(this.#width)}\r`);
  }

  #write(text: string): void {
    if (!this.#terminal) return void process.stderr.write(`${text}\n`);
    process.stderr.write(`\r${text.padEnd(this.#width)}`);
    this.#width = text.length;
  }
}

export function percent(done: number, all: number): string {
  return `${all === 0 ? 100 : Math.floor((100 * done) / all)} %`;
}

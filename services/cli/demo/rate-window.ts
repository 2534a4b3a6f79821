const WINDOW_SECONDS = 5;

/** The rate over the last few seconds, from a growing count read now and then. */
export class RateWindow {
  readonly #samples: { seconds: number; count: number }[] = [{ seconds: 0, count: 0 }];

  add(seconds: number, count: number): number {
    this.#samples.push({ seconds, count });
    while (this.#samples.length > 2 && this.#samples[1]!.seconds <= seconds - WINDOW_SECONDS) this.#samples.shift();
    const oldest = this.#samples[0]!;
    return seconds > oldest.seconds ? (count - oldest.count) / (seconds - oldest.seconds) : 0;
  }
}

/** What a regression expects, and how far it may be off. */
export interface Estimate {
  mean: number;
  /** √(xᵀA⁻¹x): the half width of the confidence interval is a multiple of it. */
  width: number;
}

/** A regression as numbers, to be kept in a file. */
export interface RidgeState {
  gram: number[];
  moments: number[];
  weight: number;
  /** Of the last sample, epoch ms. */
  at: number;
}

/**
 * Ridge regression that forgets: each new sample makes the old ones count a little less, so a machine that becomes slower or a model that is
 * replaced is followed (discounted linear bandits: Russac, Vernade and Cappé, NeurIPS 2019).
 */
export class Ridge {
  readonly #dimension: number;
  readonly #discount: number;
  #gram: Float64Array;
  #moments: Float64Array;
  #weight = 0;
  #at = -Infinity;
  /** Lower triangle with A = LLᵀ, and the coefficients; undefined: to be computed. */
  #solved: { lower: Float64Array; coefficients: Float64Array } | undefined;

  /** @param discount of what is known, with each sample; 1: nothing is forgotten */
  constructor(dimension: number, discount: number) {
    this.#dimension = dimension;
    this.#discount = discount;
    this.#gram = new Float64Array(dimension * dimension);
    this.#moments = new Float64Array(dimension);
  }

  /** Samples, each counted by what is left of it. */
  get weight(): number {
    return this.#weight;
  }

  /** Of the last sample, epoch ms; −Infinity: there was none. */
  get at(): number {
    return this.#at;
  }

  learn(features: readonly number[], value: number, now: number): void {
    const size = this.#dimension;
    for (let row = 0; row < size; row += 1) {
      for (let column = 0; column < size; column += 1) {
        this.#gram[row * size + column] = this.#discount * this.#gram[row * size + column]! + features[row]! * features[column]!;
      }
      this.#moments[row] = this.#discount * this.#moments[row]! + features[row]! * value;
    }
    this.#weight = this.#discount * this.#weight + 1;
    this.#at = now;
    this.#solved = undefined;
  }

  estimate(features: readonly number[]): Estimate {
    const { lower, coefficients } = (this.#solved ??= this.#solve());
    const forward = forwardSolved(lower, features, this.#dimension);
    let [mean, square] = [0, 0];
    for (let index = 0; index < this.#dimension; index += 1) {
      mean += features[index]! * coefficients[index]!;
      square += forward[index]! ** 2;
    }
    return { mean, width: Math.sqrt(square) };
  }

  snapshot(): RidgeState {
    return { gram: [...this.#gram], moments: [...this.#moments], weight: this.#weight, at: this.#at === -Infinity ? 0 : this.#at };
  }

  /** @returns false: it is of another shape, and nothing has been taken over */
  restore({ gram, moments, weight, at }: RidgeState): boolean {
    const numbers = [...gram, ...moments, weight, at];
    if (gram.length !== this.#gram.length || moments.length !== this.#moments.length || !numbers.every(Number.isFinite)) return false;
    [this.#gram, this.#moments, this.#weight, this.#at, this.#solved] = [Float64Array.from(gram), Float64Array.from(moments), weight, at, undefined];
    return true;
  }

  #solve(): { lower: Float64Array; coefficients: Float64Array } {
    const lower = cholesky(this.#gram, this.#dimension);
    return { lower, coefficients: backwardSolved(lower, forwardSolved(lower, this.#moments, this.#dimension), this.#dimension) };
  }
}

/** Of the Gram matrix plus the identity, which is the regularisation: so it is positive definite whatever has been seen. */
function cholesky(gram: Float64Array, size: number): Float64Array {
  const lower = new Float64Array(size * size);
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column <= row; column += 1) {
      let sum = gram[row * size + column]! + (row === column ? 1 : 0);
      for (let index = 0; index < column; index += 1) sum -= lower[row * size + index]! * lower[column * size + index]!;
      lower[row * size + column] = row === column ? Math.sqrt(sum) : sum / lower[column * size + column]!;
    }
  }
  return lower;
}

/** L⁻¹v */
function forwardSolved(lower: Float64Array, values: ArrayLike<number>, size: number): Float64Array {
  const solved = new Float64Array(size);
  for (let row = 0; row < size; row += 1) {
    let sum = values[row]!;
    for (let index = 0; index < row; index += 1) sum -= lower[row * size + index]! * solved[index]!;
    solved[row] = sum / lower[row * size + row]!;
  }
  return solved;
}

/** L⁻ᵀv */
function backwardSolved(lower: Float64Array, values: Float64Array, size: number): Float64Array {
  const solved = new Float64Array(size);
  for (let row = size - 1; row >= 0; row -= 1) {
    let sum = values[row]!;
    for (let index = row + 1; index < size; index += 1) sum -= lower[index * size + row]! * solved[index]!;
    solved[row] = sum / lower[row * size + row]!;
  }
  return solved;
}

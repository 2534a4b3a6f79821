/** Interactions and unjudged answers that are kept of a user: what is read late has to find its counterpart. */
const KEPT = 4;

/** What somebody was offered, and under which label it counts. */
export interface OfferedItems<Label> {
  /** Best first; all of them count. */
  items: readonly string[];
  /** Broker's append time of the request, epoch ms: what the user did before it is not what it had to predict. */
  askedAt: number;
  /** What the answer is counted under. */
  label: Label;
}

interface User<Label> {
  /** Not judged yet. */
  answers: OfferedItems<Label>[];
  /** The newest last. */
  acts: { itemId: string; at: number }[];
}

/** How long offers are remembered, and who hears of judged ones. */
export interface FirstActsOptions<Label> {
  /** Of so many users at most something is remembered, and of those half as many that were seen last at least. */
  users: number;
  /** An act so long after the request was not led by the answer, ms. @default 1800000 */
  withinMs?: number;
  onJudged(label: Label, isHit: boolean): void;
}

/**
 * Whether what a user did first after asking was among the items of the answer. Each answer is judged once. Order is that of
 * the broker's append times, since the act may be read before the answer.
 */
export class FirstActs<Label> {
  readonly #options: Required<FirstActsOptions<Label>>;
  /**
   * Two generations: when the newer is full, the older goes. In one map whose oldest goes, each look would move its user to the
   * end, and each new user would look for the oldest behind all that have been moved.
   */
  #recent = new Map<string, User<Label>>();
  #older = new Map<string, User<Label>>();

  constructor(options: FirstActsOptions<Label>) {
    this.#options = { withinMs: 1_800_000, ...options };
  }

  answered(userId: string, answer: OfferedItems<Label>): void {
    const user = this.#user(userId);
    const act = user.acts.find(({ at }) => at >= answer.askedAt);
    if (act !== undefined) return this.#judge(answer, act);
    user.answers.push(answer);
    if (user.answers.length > KEPT) user.answers.shift();
  }

  /** @param at append time of the interaction, epoch ms */
  acted(userId: string, itemId: string, at: number): void {
    const user = this.#user(userId);
    const act = { itemId, at };
    user.acts.push(act);
    if (user.acts.length > KEPT) user.acts.shift();
    for (const answer of user.answers) if (answer.askedAt <= at) this.#judge(answer, act);
    if (user.answers.length > 0) user.answers = user.answers.filter(({ askedAt }) => askedAt > at);
  }

  #judge({ items, askedAt, label }: OfferedItems<Label>, { itemId, at }: { itemId: string; at: number }): void {
    const { withinMs, onJudged } = this.#options;
    if (at - askedAt <= withinMs) onJudged(label, items.includes(itemId));
  }

  #user(userId: string): User<Label> {
    const recent = this.#recent.get(userId);
    if (recent !== undefined) return recent;
    const user = this.#older.get(userId) ?? { answers: [], acts: [] };
    if (this.#recent.size >= this.#options.users / 2) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(userId, user);
    return user;
  }
}

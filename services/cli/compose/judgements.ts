/** Whether a request's answer was right, as its user's next act shows. */
export type OnJudged = (requestId: string, isRight: boolean) => void;

/** What one stage of a process finds out about answers, for another of the same process. */
export class Judgements {
  readonly #listeners = new Set<OnJudged>();

  /** @returns ends it */
  listen(listener: OnJudged): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  tell(requestId: string, isRight: boolean): void {
    for (const listener of this.#listeners) listener(requestId, isRight);
  }
}

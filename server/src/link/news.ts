/** Lets many wait for the next answer of any peer, each with a deadline of its own. */
export class News {
  #waiters: (() => void)[] = [];

  /** Something came, or somebody left: whoever waits looks again. */
  tell(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  /** Resolves with the next news, or at `end` (ms, as performance.now gives them). */
  next(end: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(1, end - performance.now()));
      this.#waiters.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

import type { VersionLoss } from '../messages.ts';

/**
 * What versions lost that control has not counted yet. It is told all of that whenever there is more, and when it is
 * back: each counts, whether or not control was there, and once, for each has a number.
 */
export class Losses {
  readonly #tell: (losses: VersionLoss[]) => void;
  #uncounted: VersionLoss[] = [];
  #last = 0;

  constructor(tell: (losses: VersionLoss[]) => void) {
    this.#tell = tell;
  }

  add(loss: Omit<VersionLoss, 'number'>): void {
    this.#uncounted.push({ number: ++this.#last, ...loss });
    this.tell();
  }

  counted(number: number): void {
    this.#uncounted = this.#uncounted.filter((one) => one.number !== number);
  }

  tell(): void {
    if (this.#uncounted.length > 0) this.#tell(this.#uncounted);
  }
}

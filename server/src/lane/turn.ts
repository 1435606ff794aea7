import { type SlipwayError, toSlipwayError } from '../errors.ts';
import type { Position } from '../events.ts';
import type { Appender } from '../journal/appender.ts';

type Settle = (position: Position | null, error: SlipwayError | null) => void;

/**
 * Gathers what one turn of the event loop has to answer, writes its records in one go, and only then lets
 * the answers leave: a process that is killed loses nothing that was answered.
 */
export class Turn {
  readonly #appender: Appender;
  readonly #onWritten: (position: Position) => void;
  readonly #onUnjournaled: () => void;
  #settles: Settle[] = [];
  #failedWrites: ('refuse' | 'serve')[] = [];
  #scheduled = false;

  constructor(appender: Appender, onWritten: (position: Position) => void, onUnjournaled: () => void) {
    this.#appender = appender;
    this.#onWritten = onWritten;
    this.#onUnjournaled = onUnjournaled;
  }

  /** `failedWrite`: what to do with this answer if its record cannot be written. */
  add(failedWrite: 'refuse' | 'serve', settle: Settle): void {
    this.#settles.push(settle);
    this.#failedWrites.push(failedWrite);
    if (this.#scheduled) return;
    this.#scheduled = true;
    // After the poll phase: every request that this turn read shares the write.
    setImmediate(this.flush);
  }

  readonly flush = (): void => {
    this.#scheduled = false;
    if (this.#settles.length === 0) return;
    const settles = this.#settles;
    const failedWrites = this.#failedWrites;
    this.#settles = [];
    this.#failedWrites = [];
    let position: Position | null = null;
    let error: SlipwayError | null = null;
    try {
      position = this.#appender.commit();
    } catch (thrown) {
      error = toSlipwayError(thrown);
    }
    for (let i = 0; i < settles.length; i++) {
      if (error && failedWrites[i] === 'serve') {
        this.#onUnjournaled();
        settles[i]!(null, null);
      } else {
        settles[i]!(position, error);
      }
    }
    if (position) this.#onWritten(position);
  };
}

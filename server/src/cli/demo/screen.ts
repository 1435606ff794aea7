import { SingleBar } from 'cli-progress';
import { percent, say } from '../output.ts';

/** Rows between two looks at the bar, and between two plain lines where there is none. */
const barRows = 20;
const lineRows = 5000;

/** What a person sees while the stream plays: a bar on a terminal with the story above it, plain lines elsewhere. */
export class Screen {
  readonly #isQuiet: boolean;
  #bar: SingleBar | null = null;
  #count = 0;

  constructor(isQuiet: boolean) {
    this.#isQuiet = isQuiet;
  }

  begin(count: number): void {
    this.#count = count;
    if (this.#isQuiet || !process.stdout.isTTY) return;
    this.#bar = new SingleBar({
      format: '  {bar} {value} of {total} rows  {right} right  version {version} answers',
      stream: process.stdout,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      barsize: 30,
      hideCursor: true,
      clearOnComplete: true,
    });
    this.#bar.start(count, 0, { right: '–', version: 1 });
  }

  /** So many rows are played, so many of them were answered right. */
  progress(played: number, right: number, version: number): void {
    if (this.#bar) {
      if (played % barRows === 0)
        this.#bar.update(played, { right: percent(right / played), version: String(version) });
    } else if (!this.#isQuiet && played % lineRows === 0) {
      say(`  ${played} of ${this.#count} rows, ${percent(right / played)} right`);
    }
  }

  /** A line above the bar, which draws itself anew below it. */
  tell(text: string): void {
    if (this.#isQuiet) return;
    if (this.#bar?.isActive) process.stdout.write('\r\x1b[K');
    say(text);
  }

  /** Also gives the cursor back. */
  end(): void {
    this.#bar?.stop();
    this.#bar = null;
  }
}

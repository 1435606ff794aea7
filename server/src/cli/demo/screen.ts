import { percent, say } from '../output.ts';

/** Rows between two looks at the bar, and between two plain lines where there is none. */
const barRows = 20;
const lineRows = 5000;
const barWidth = 30;

const hideCursor = '\x1b[?25l';
const showCursor = '\x1b[?25h';
const eraseLine = '\r\x1b[K';

/** What a person sees while the stream plays: a bar on a terminal with the story above it, plain lines elsewhere. */
export class Screen {
  readonly #isQuiet: boolean;
  readonly #isTerminal = process.stdout.isTTY;
  #count = 0;
  /** As it stands in the terminal's last line, or null. */
  #bar: string | null = null;

  constructor(isQuiet: boolean) {
    this.#isQuiet = isQuiet;
  }

  begin(count: number): void {
    this.#count = count;
    if (this.#isQuiet || !this.#isTerminal) return;
    process.stdout.write(hideCursor);
    this.#draw(0, '–', 1);
  }

  /** So many rows are played, so many of them were answered right. */
  progress(played: number, right: number, version: number): void {
    if (this.#bar !== null) {
      if (played % barRows === 0) this.#draw(played, percent(right / played), version);
    } else if (!this.#isQuiet && !this.#isTerminal && played % lineRows === 0) {
      say(`  ${count(played)} of ${count(this.#count)} rows, ${percent(right / played)} right`);
    }
  }

  /** Something above the bar. */
  tell(text: string): void {
    if (this.#isQuiet) return;
    if (this.#bar !== null) process.stdout.write(eraseLine);
    say(text);
    if (this.#bar !== null) process.stdout.write(this.#bar);
  }

  /** Takes the bar away, and gives the cursor back. */
  end(): void {
    if (this.#bar === null) return;
    process.stdout.write(eraseLine + showCursor);
    this.#bar = null;
  }

  #draw(played: number, right: string, version: number): void {
    const words = `${count(played)} of ${count(this.#count)} rows  ${right} right  version ${version} answers`;
    // One column stays free: a full line would end in the next one.
    const columns = process.stdout.columns - 1;
    const width = Math.max(0, Math.min(barWidth, columns - words.length - 4));
    const done = Math.round((width * played) / this.#count);
    this.#bar = `  ${'█'.repeat(done)}${'░'.repeat(width - done)}  ${words}`.slice(0, columns);
    process.stdout.write(eraseLine + this.#bar);
  }
}

function count(n: number): string {
  return n.toLocaleString('en-GB');
}

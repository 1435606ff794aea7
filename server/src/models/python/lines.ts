import { StringDecoder } from 'node:string_decoder';

const mostCharacters = 2000;
/** So many lines in a stretch of so many ms are passed on; the others are counted. */
const most = 200;
const stretchMs = 10_000;

/** What a process prints, line by line, bounded in length and in number. */
export class Lines {
  readonly #decoder = new StringDecoder('utf8');
  readonly #tell: (line: string) => void;
  readonly #now: () => number;
  #rest = '';
  #since = Number.NEGATIVE_INFINITY;
  #told = 0;
  #leftOut = 0;

  /** `now`: ms, rising. */
  constructor(tell: (line: string) => void, now: () => number) {
    this.#tell = tell;
    this.#now = now;
  }

  add(chunk: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(chunk)).split('\n');
    this.#rest = (lines.pop() ?? '').slice(0, mostCharacters);
    for (const line of lines) this.#line(line);
  }

  end(): void {
    if (this.#rest !== '') this.#line(this.#rest);
    this.#rest = '';
    this.#sayLeftOut();
  }

  #line(line: string): void {
    const text = line.trimEnd();
    if (text === '') return;
    if (this.#now() - this.#since >= stretchMs) {
      this.#since = this.#now();
      this.#told = 0;
      this.#sayLeftOut();
    }
    if (this.#told++ < most) this.#tell(text.slice(0, mostCharacters));
    else this.#leftOut++;
  }

  #sayLeftOut(): void {
    if (this.#leftOut > 0) this.#tell(`… ${this.#leftOut} lines were left out.`);
    this.#leftOut = 0;
  }
}

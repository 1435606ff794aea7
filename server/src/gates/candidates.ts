import { readdirSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bounds, CandidateProcess } from './candidate-process.ts';

/** One that tries the file, one that weighs what came of it. */
const each = 2;
/** Files that are tried at a time, one a core: each may take as much memory as its bounds allow. */
const atOnce = { least: 2, most: 8 };
/** Started processes wait for work so long, ms: 60 MB each for no longer than somebody deploys. */
const idleMs = 20_000;

/**
 * Candidate processes: each does one piece of work for one file, and ends. Starting one takes longer than trying a small
 * file does, so two are started ahead when an upload begins, and again for the next when they were used. Only so many
 * files are tried at a time; others wait.
 */
export class Candidates {
  readonly bounds: Bounds;
  readonly #name: string;
  readonly #most = Math.max(atOnce.least, Math.min(atOnce.most, availableParallelism()));
  readonly #waiting: (() => void)[] = [];
  readonly #spares: CandidateProcess[] = [];
  #busy = 0;
  #isClosed = false;
  #timer: NodeJS.Timeout | null = null;

  /** `name`: how the names of its temporary folders begin. */
  constructor(bounds: Bounds, name = 'slipway-candidate-') {
    this.bounds = bounds;
    this.#name = name;
  }

  /** Removes what processes of the same name have left when whoever started them was killed. */
  clean(): void {
    for (const left of readdirSync(tmpdir()))
      if (left.startsWith(this.#name)) rmSync(join(tmpdir(), left), { recursive: true, force: true });
  }

  /** A file is about to come. */
  expect(): void {
    if (this.#isClosed) return;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#drop(), idleMs);
    this.#timer.unref();
    try {
      while (this.#spares.length < each) this.#spares.push(this.#started());
    } catch {
      // No room for them now; whoever needs one says so.
    }
  }

  /** Work on a file; each process that it takes is its own, and ends with it. */
  async use<T>(work: (take: () => CandidateProcess) => Promise<T>): Promise<T> {
    while (this.#busy >= this.#most) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#busy++;
    const taken: CandidateProcess[] = [];
    try {
      return await work(() => {
        const process = this.#spare() ?? this.#started();
        taken.push(process);
        return process;
      });
    } finally {
      for (const one of taken) one.end();
      this.#busy--;
      this.#waiting.shift()?.();
    }
  }

  /** No file comes any more. */
  close(): void {
    this.#isClosed = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#drop();
  }

  #drop(): void {
    for (const spare of this.#spares.splice(0)) spare.end();
  }

  #spare(): CandidateProcess | null {
    for (let spare = this.#spares.shift(); spare; spare = this.#spares.shift()) {
      if (spare.isAlive) return spare;
      spare.end();
    }
    return null;
  }

  #started(): CandidateProcess {
    return new CandidateProcess(this.bounds, this.#name);
  }
}

import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Arm } from './arm.ts';

/**
 * A small file that names the model that is answering right now in a library's code. If this process hangs, its
 * supervisor reads there whom to blame. onnxruntime runs what it was asked one after another, so that is the
 * arm that has waited longest. Written only when another has, and only for what such code runs.
 */
export class HangMark {
  readonly #file: number;
  /** Who was asked and has not answered, longest first. */
  readonly #asked: Arm[] = [];

  constructor(folder: string, lane: number) {
    this.#file = openSync(join(folder, `lane-${lane}.mark`), 'w');
  }

  set(arm: Arm): void {
    if (this.#asked.push(arm) === 1) this.#write(arm);
  }

  clear(arm: Arm): void {
    const [longest] = this.#asked;
    this.#asked.splice(this.#asked.indexOf(arm), 1);
    const [next] = this.#asked;
    if (next === longest) return;
    ftruncateSync(this.#file, 0);
    if (next) this.#write(next);
  }

  #write(arm: Arm): void {
    writeSync(this.#file, `${arm.model}\n${arm.version.version}\n`, 0);
  }

  close(): void {
    closeSync(this.#file);
  }
}

import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Arm } from './arm.ts';

/**
 * A small file that names the unbounded model that is answering right now. If this process hangs, its
 * supervisor reads there whom to blame. Two writes of a few bytes a prediction, for unbounded kinds only.
 */
export class HangMark {
  readonly #file: number;
  #set = false;

  constructor(folder: string, lane: number) {
    this.#file = openSync(join(folder, `lane-${lane}.mark`), 'w');
  }

  set(arm: Arm): void {
    writeSync(this.#file, `${arm.model}\n${arm.version.version}\n`, 0);
    this.#set = true;
  }

  clear(): void {
    if (!this.#set) return;
    ftruncateSync(this.#file, 0);
    this.#set = false;
  }

  close(): void {
    closeSync(this.#file);
  }
}

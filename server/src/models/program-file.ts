import { type FileHandle, open } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { SlipwayError } from '../errors.ts';

/** A prepared version's bytes: in memory, or still in their file. */
export type ProgramBytes = Uint8Array | ProgramFile;

/** Bytes of memory are copied so many between two turns of the event loop: under 1 ms, most of it page faults. */
const sliceBytes = 2 ** 16;

/**
 * A program that is read in parts, by another thread, straight to where they are wanted. What is never whole in this
 * process's JavaScript memory is not garbage of it afterwards, which V8 would hold the event loop to collect.
 */
export class ProgramFile {
  readonly length: number;
  readonly #file: FileHandle;
  readonly #from: number;

  private constructor(file: FileHandle, from: number, length: number) {
    this.#file = file;
    this.#from = from;
    this.length = length;
  }

  /** Throws ATTACH_FAILED where it is not there, or may not be read. */
  static async open(path: string): Promise<ProgramFile> {
    const file = await open(path).catch(({ message }: Error) => {
      throw new SlipwayError(
        'ATTACH_FAILED',
        `What was kept of it cannot be read: ${message}.`,
        'Put the file back into the data folder, or deploy the version again.',
      );
    });
    return new ProgramFile(file, 0, (await file.stat()).size);
  }

  /** The bytes of `from` to `to`, as a program of its own; closed with this one. */
  part(from: number, to: number): ProgramFile {
    return new ProgramFile(this.#file, this.#from + from, Math.min(to, this.length) - from);
  }

  /** Fills `into` with the bytes from `from` on; as far as there are any. */
  async read(from: number, into: Uint8Array): Promise<void> {
    const wanted = Math.min(into.length, this.length - from);
    for (let done = 0; done < wanted; ) {
      const { bytesRead } = await this.#file.read(into, done, wanted - done, this.#from + from + done);
      if (bytesRead === 0) return;
      done += bytesRead;
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** The bytes of `from` to `to`, as they lie there: a view of what is in memory. */
export function programPart(program: ProgramBytes, from: number, to: number): ProgramBytes {
  return program instanceof Uint8Array ? program.subarray(from, to) : program.part(from, to);
}

/** The bytes in memory: a view of what is there already. */
export async function inMemory(program: ProgramBytes): Promise<Uint8Array> {
  if (program instanceof Uint8Array) return program;
  const bytes = new Uint8Array(program.length);
  await program.read(0, bytes);
  return bytes;
}

/** Copies all of it to the beginning of `into`, without holding the event loop. */
export async function copyProgram(program: ProgramBytes, into: Uint8Array): Promise<void> {
  if (!(program instanceof Uint8Array)) return program.read(0, into);
  for (let from = 0; from < program.length; from += sliceBytes) {
    into.set(program.subarray(from, from + sliceBytes), from);
    await setImmediate();
  }
}

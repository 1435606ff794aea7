import { setImmediate } from 'node:timers/promises';
import type { Signature } from '../../signature.ts';
import type { Frame } from '../../tensor.ts';
import type { Model } from '../model.ts';
import { answersOf, applyLink } from './link.ts';
import { decodeProgram } from './program.ts';

/** A forest ready to answer. Neither method allocates; any number of rows. */
export interface ForestModel extends Model {
  predict(frame: Frame, answers: Float64Array): void;
  /** The sums before link and averaging (`raw_score`): rows × groups, row-major. */
  margins(frame: Frame, margins: Float64Array): void;
}

/** The part of the WebAssembly JavaScript interface that is used here; Node's types leave it to the DOM's. */
interface WasmApi {
  compile(code: Uint8Array<ArrayBuffer>): Promise<object>;
  instantiate(module: object): Promise<{
    exports: { memory: { buffer: ArrayBuffer }; score: (rows: number) => void };
  }>;
}
const { WebAssembly } = globalThis as unknown as { WebAssembly: WasmApi };

/** Copied between two turns of the event loop, so that attaching a great forest does not show: under 1 ms, most of it page faults. */
const sliceBytes = 2 ** 16;

/** Attaches a program of `program.ts`: compiles off the event loop, copies the tables in slices. */
export async function attachForest(bytes: Uint8Array, signature: Signature): Promise<ForestModel> {
  const program = decodeProgram(bytes);
  const { features, groups, link, rows: most } = program;
  const { exports } = await WebAssembly.instantiate(await WebAssembly.compile(program.code));
  const { score, memory } = exports;
  const image = new Uint8Array(memory.buffer);
  for (let from = 0; from < program.tables.length; from += sliceBytes) {
    image.set(program.tables.subarray(from, from + sliceBytes), from);
    await setImmediate();
  }
  const x = new Float64Array(memory.buffer, program.x, most * features);
  const sums = new Float64Array(memory.buffer, program.out, most * groups);

  const width = answersOf(link.kind, groups);

  /** Brings `count` rows of the frame, from row `first` on, into the module's memory and scores them. */
  const scoreRows = ({ values }: Frame, first: number, count: number): void => {
    const from = first * features;
    const length = count * features;
    for (let k = 0; k < length; k++) x[k] = values[from + k]!;
    score(count);
  };

  return {
    signature,
    predict(frame, answers) {
      for (let first = 0; first < frame.rows; first += most) {
        const count = Math.min(most, frame.rows - first);
        scoreRows(frame, first, count);
        for (let row = 0; row < count; row++) {
          applyLink(link, sums, row * groups, answers, (first + row) * width, groups);
        }
      }
    },
    margins(frame, margins) {
      for (let first = 0; first < frame.rows; first += most) {
        const count = Math.min(most, frame.rows - first);
        scoreRows(frame, first, count);
        for (let k = 0; k < count * groups; k++) margins[first * groups + k] = sums[k]!;
      }
    },
  };
}

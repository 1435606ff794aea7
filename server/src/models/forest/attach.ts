import type { Signature } from '../../signature.ts';
import type { Frame } from '../../tensor.ts';
import { WebAssembly } from '../../wasm.ts';
import type { Model } from '../model.ts';
import { copyProgram, type ProgramBytes } from '../program-file.ts';
import { answersOf, applyLink } from './link.ts';
import { decodeProgram } from './program.ts';

/** A forest ready to answer. Neither method allocates; any number of rows. */
export interface ForestModel extends Model {
  predict(frame: Frame, answers: Float64Array): void;
  /** The sums before link and averaging (`raw_score`): rows × groups, row-major. */
  margins(frame: Frame, margins: Float64Array): void;
}

/** What a forest's module exports. */
interface Exports {
  memory: { buffer: ArrayBuffer };
  score(rows: number): void;
}

/** Attaches a program of `program.ts`: compiles off the event loop, and brings the tables to where the code finds them. */
export async function attachForest(bytes: ProgramBytes, signature: Signature): Promise<ForestModel> {
  const program = await decodeProgram(bytes);
  const { features, groups, link, rows: most } = program;
  const { exports } = await WebAssembly.instantiate<Exports>(await WebAssembly.compile(program.code));
  const { score, memory } = exports;
  await copyProgram(program.tables, new Uint8Array(memory.buffer));
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

import type { Signature } from '../../signature.ts';
import { answerWidth } from '../../signature.ts';
import { type Frame, newFrame } from '../../tensor.ts';
import type { ForestModel } from '../forest/attach.ts';
import { attachForest } from '../forest/attach.ts';
import type { ProgramBytes } from '../program-file.ts';
import { writeAnswer } from './answer.ts';
import { decodeProgram } from './program.ts';
import { RowColumns } from './row-columns.ts';

/** Rows are brought to the forest so many at once at most, and in so many bytes where they are wide. */
const mostRows = 256;
const partBytes = 2 ** 18;

/** Attaches a program of `program.ts`. The model takes any number of rows. */
export async function attachCatboost(bytes: ProgramBytes, signature: Signature): Promise<ForestModel> {
  const program = await decodeProgram(bytes);
  const { scale, bias, link } = program;
  const forest = await attachForest(program.forest, signature);
  const groups = bias.length;
  const stride = answerWidth(signature);
  const hasCategories = program.columns.some((values) => values !== null);
  const columns = hasCategories ? new RowColumns(program) : null;
  const rowsAtOnce = Math.max(1, Math.min(mostRows, Math.floor(partBytes / (8 * (program.width + groups)))));
  const part = newFrame(0, program.width);
  if (columns !== null) part.values = new Float64Array(rowsAtOnce * program.width);
  const sums = new Float64Array(rowsAtOnce * groups);

  /** Scores `count` rows from row `first` on: scale · sum + bias, in `sums`. */
  const score = (frame: Frame, first: number, count: number): void => {
    part.rows = count;
    if (columns === null)
      part.values = frame.values.subarray(first * frame.width, (first + count) * frame.width);
    else
      for (let row = 0; row < count; row++)
        columns.write(frame, first + row, part.values, row * program.width);
    forest.margins(part, sums);
    for (let row = 0, k = 0; row < count; row++) {
      for (let group = 0; group < groups; group++, k++) sums[k] = sums[k]! * scale + bias[group]!;
    }
  };

  return {
    signature,
    predict(frame, answers) {
      for (let first = 0; first < frame.rows; first += rowsAtOnce) {
        const count = Math.min(rowsAtOnce, frame.rows - first);
        score(frame, first, count);
        for (let row = 0; row < count; row++) {
          writeAnswer(link, sums, row * groups, groups, answers, (first + row) * stride);
        }
      }
    },
    margins(frame, margins) {
      for (let first = 0; first < frame.rows; first += rowsAtOnce) {
        const count = Math.min(rowsAtOnce, frame.rows - first);
        score(frame, first, count);
        for (let k = 0; k < count * groups; k++) margins[first * groups + k] = sums[k]!;
      }
    },
  };
}

import { answerWidth, longColumns, type Signature } from '../../../signature.ts';
import { type Frame, newFrame } from '../../../tensor.ts';
import { nearest } from '../../../texts.ts';
import { attachForest } from '../../forest/attach.ts';
import type { Model } from '../../model.ts';
import type { ProgramBytes } from '../../program-file.ts';
import { plainRows } from '../strict-categories.ts';
import { decodePlan } from './program.ts';
import type { Space } from './space.ts';
import { runOf } from './steps.ts';

/** Float64 that all values of a block may have. */
const blockNumbers = 2 ** 15;
const mostRows = 256;

/** Attaches a compiled graph: answers at once, any number of rows, and allocates nothing that grows with them. */
export async function attachPlan(program: ProgramBytes, signature: Signature): Promise<Model> {
  const { widths, steps, outputs, constants, forests } = await decodePlan(program);
  const numbers = widths.reduce((sum, width) => sum + width, 0);
  const block = Math.max(1, Math.min(mostRows, Math.floor(blockNumbers / Math.max(1, numbers))));
  const space: Space = {
    values: widths.map((width) => new Float64Array(width * block)),
    widths,
    constants,
    forests: await Promise.all(forests.map((forest) => attachForest(forest, signature))),
    frame: newFrame(0, signature.features.length),
    first: 0,
  };
  const runs = steps.map((step) => runOf(step, space));
  const width = answerWidth(signature);
  const plain = plainRows(signature.features);
  const longs = longColumns(signature.inputs);
  const copies = outputs.map(({ value, column }) => ({
    values: space.values[value]!,
    columns: widths[value]!,
    column,
  }));
  return {
    signature,
    predict(frame: Frame, answers: Float64Array): void {
      space.frame = plain(inNumbers(frame, longs));
      for (let first = 0; first < frame.rows; first += block) {
        const rows = Math.min(block, frame.rows - first);
        space.first = first;
        for (const run of runs) run(rows);
        for (const { values, columns, column } of copies)
          for (let row = 0, k = 0; row < rows; row++)
            for (let i = 0, to = (first + row) * width + column; i < columns; i++)
              answers[to + i] = values[k++]!;
      }
    },
  };
}

/** Steps compute in float64: whole numbers beyond it become the nearest ones. The frame itself where there are none. */
function inNumbers(frame: Frame, longs: number[]): Frame {
  if (longs.length === 0 || frame.texts.length === 0) return frame;
  const values = frame.values.slice(0, frame.rows * frame.width);
  for (const column of longs)
    for (let at = column; at < values.length; at += frame.width)
      values[at] = nearest(values[at]!, frame.texts);
  return { ...frame, values };
}

import { SlipwayError } from '../errors.ts';
import type { Frame } from '../tensor.ts';
import { cancelled, type Waiting } from '../waiting.ts';
import { type Arm, inBatch } from './arm.ts';

/** Answers the next rows of a request; whether they were the last. */
type Slice = () => boolean;

/** Of long requests so much may be left to do when another one comes, ms: the rest is refused, as a lane's queue is. */
const backlogMs = 100;

/** Requests of this process that are answered in slices: its event loop is one, whoever asks. The first is next. */
const begun: Slice[] = [];
/** What they will still take, by what the gate measured, ms. */
let left = 0;

/** Whether one more would wait behind too many others. They are behind no turn of the event loop, which stays short. */
export function tooManySlices(): boolean {
  return left > backlogMs;
}

/**
 * Answers rows that would hold the event loop for too long at once: `arm.sliceRows` of them a turn. Of several such
 * requests one after the other has a turn, so that everybody else waits for one slice, however many there are. Frame,
 * answers and texts are its own until then. Rejects with what the model throws, and with CANCELLED and TIMEOUT as soon
 * as nobody waits for the rest.
 */
export function inSlices(
  arm: Arm,
  frame: Frame,
  answers: Float64Array,
  texts: string[],
  waiting: Waiting,
): Promise<void> {
  const rowMs = inBatch(arm.version) / 1000;
  left += frame.rows * rowMs;
  let row = 0;
  const next = (): boolean => {
    if (waiting.cancellation.cancelled) throw cancelled();
    if (performance.now() > waiting.deadline)
      throw new SlipwayError('TIMEOUT', `${row} of its ${frame.rows} rows were answered by its deadline.`);
    const rows = Math.min(arm.sliceRows, frame.rows - row);
    const part: Frame = { ...frame, rows, values: frame.values.subarray(row * frame.width) };
    void arm.attached.predict(part, answers.subarray(row * arm.width), texts, waiting);
    row += rows;
    left -= rows * rowMs;
    return row === frame.rows;
  };
  return new Promise((resolve, reject) => {
    const slice = (): boolean => {
      try {
        if (!next()) return false;
        resolve();
      } catch (thrown) {
        left -= (frame.rows - row) * rowMs;
        reject(thrown);
      }
      return true;
    };
    if (begun.push(slice) === 1) setImmediate(turn);
  });
}

function turn(): void {
  const slice = begun.shift()!;
  if (!slice()) begun.push(slice);
  if (begun.length > 0) setImmediate(turn);
}

import { SlipwayError } from '../errors.ts';
import type { Frame } from '../tensor.ts';
import { cancelled, type Waiting } from '../waiting.ts';
import { type Arm, inBatch } from './arm.ts';

interface Sliced {
  /** Answers the next rows; whether they were the last. */
  slice: () => boolean;
  /** What its other rows will take, by what the gate measured, ms. */
  leftMs: () => number;
}

/** Of long requests so much may be left to do when another one comes, ms: the rest is refused, as a lane's queue is. */
const backlogMs = 100;

/** Requests of this process that are answered in slices: its event loop is one, whoever asks. The first is next. */
const begun: Sliced[] = [];

/** Whether one more would wait behind too many others. They are behind no turn of the event loop, which stays short. */
export function tooManySlices(): boolean {
  return begun.reduce((sum, { leftMs }) => sum + leftMs(), 0) > backlogMs;
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
  let row = 0;
  const next = (): boolean => {
    if (waiting.cancellation.cancelled) throw cancelled();
    if (performance.now() > waiting.deadline)
      throw new SlipwayError('TIMEOUT', `${row} of its ${frame.rows} rows were answered by its deadline.`);
    const rows = Math.min(arm.sliceRows, frame.rows - row);
    const part: Frame = { ...frame, rows, values: frame.values.subarray(row * frame.width) };
    void arm.attached.predict(part, answers.subarray(row * arm.width), texts, waiting);
    row += rows;
    return row === frame.rows;
  };
  return new Promise((resolve, reject) => {
    const slice = (): boolean => {
      try {
        if (!next()) return false;
        resolve();
      } catch (thrown) {
        reject(thrown);
      }
      return true;
    };
    if (begun.push({ slice, leftMs: () => (frame.rows - row) * rowMs }) === 1) setImmediate(turn);
  });
}

function turn(): void {
  const one = begun.shift()!;
  if (!one.slice()) begun.push(one);
  if (begun.length > 0) setImmediate(turn);
}

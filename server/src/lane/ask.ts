import type { Frame } from '../tensor.ts';
import { type Arm, enter, leave } from './arm.ts';
import type { HangMark } from './hang-mark.ts';

/**
 * Lets an arm answer a frame's rows, and calls one of `done` and `failed`: at once where the model answers at once.
 * What a library in this process may hang in is marked meanwhile; what runs elsewhere can hang nobody here.
 */
export function ask(
  arm: Arm,
  frame: Frame,
  answers: Float64Array,
  texts: string[],
  mark: HangMark,
  done: () => void,
  failed: (thrown: unknown) => void,
): void {
  const marked = arm.runs === 'runtime';
  let waiting: void | Promise<void>;
  if (marked) mark.set(arm);
  try {
    waiting = arm.attached.predict(frame, answers, texts);
  } catch (thrown) {
    if (marked) mark.clear(arm);
    failed(thrown);
    return;
  }
  if (!waiting) {
    if (marked) mark.clear(arm);
    done();
    return;
  }
  enter(arm);
  waiting
    .then(done)
    .catch(failed)
    .finally(() => {
      if (marked) mark.clear(arm);
      leave(arm);
    });
}

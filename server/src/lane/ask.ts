import type { Frame } from '../tensor.ts';
import type { Waiting } from '../waiting.ts';
import { type Arm, enter, leave } from './arm.ts';

/** Lets an arm answer a frame's rows, and calls one of `done` and `failed`: at once where the model answers at once. */
export function ask(
  arm: Arm,
  frame: Frame,
  answers: Float64Array,
  texts: string[],
  waiting: Waiting,
  done: () => void,
  failed: (thrown: unknown) => void,
): void {
  let answered: void | Promise<void>;
  try {
    answered = arm.attached.predict(frame, answers, texts, waiting);
  } catch (thrown) {
    failed(thrown);
    return;
  }
  if (!answered) {
    done();
    return;
  }
  enter(arm);
  answered
    .then(done)
    .catch(failed)
    .finally(() => leave(arm));
}

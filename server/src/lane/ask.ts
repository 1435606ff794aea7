import { toSlipwayError } from '../errors.ts';
import type { Frame } from '../tensor.ts';
import type { Span } from '../trace.ts';
import type { Waiting } from '../waiting.ts';
import { type Arm, enter, leave } from './arm.ts';
import { inSlices } from './slices.ts';

/**
 * Lets an arm answer a frame's rows, and calls one of `done` and `failed`: at once where the model
 * answers at once, and the rows are few enough for one turn of the event loop.
 * `others`: spans of those who wait for rows of the same frame besides.
 */
export function ask(
  arm: Arm,
  frame: Frame,
  answers: Float64Array,
  texts: string[],
  waiting: Waiting,
  done: () => void,
  failed: (thrown: unknown) => void,
  others: Span[] = [],
): void {
  if (!waiting.span) {
    call(arm, frame, answers, texts, waiting, done, failed);
    return;
  }
  const { own, end } = recorded(arm, frame, waiting.span, others);
  const answered = (): void => {
    end();
    done();
  };
  const refused = (thrown: unknown): void => {
    end(toSlipwayError(thrown).code);
    failed(thrown);
  };
  call(arm, frame, answers, texts, { ...waiting, trace: own.trace, span: own }, answered, refused);
}

function call(
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
    const answer = frame.rows > arm.sliceRows ? inSlices : predict;
    answered = answer(arm, frame, answers, texts, waiting);
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

function predict(
  { attached }: Arm,
  frame: Frame,
  answers: Float64Array,
  texts: string[],
  waiting: Waiting,
): void | Promise<void> {
  return attached.predict(frame, answers, texts, waiting);
}

/** The call as a span in every trace that waits for it; what the model asks of others is part of the first. */
function recorded(
  { version, runs }: Arm,
  { rows }: Frame,
  span: Span,
  others: Span[],
): { own: Span; end: (error?: string) => void } {
  const since = performance.now();
  const attributes = {
    'slipway.kind': version.kind,
    'slipway.runs': version.placement === 'scorer' ? 'scorer' : runs,
    'slipway.batch.rows': rows,
    'slipway.batch.requests': 1 + others.length,
  };
  const own = span.begin('predict', since, { attributes, isElsewhere: runs === 'elsewhere' });
  const all = [own, ...others.map((other) => other.begin('predict', since, { attributes, sameAs: own }))];
  const end = (error?: string): void => {
    const at = performance.now();
    for (const one of all) one.end(at, error);
  };
  return { own, end };
}

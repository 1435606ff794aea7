import type { Gate } from '../api.ts';
import { SlipwayError } from '../errors.ts';
import type { Model } from '../models/model.ts';
import { answerWidth } from '../signature.ts';
import { type RowTensor, rowsOf } from './golden.ts';

/** The rows that a description gives as an example of input must be answered with numbers. Throws GATE_FAILED. */
export async function exampleGate(example: RowTensor[], model: Model): Promise<Gate> {
  const failed = (message: string): never => {
    throw new SlipwayError(
      'GATE_FAILED',
      `Gate "input example": ${message}`,
      'Save the model again with an input example of its own. Nothing was registered.',
    );
  };
  const frame = rowsOf(example, model.signature, failed);
  const width = answerWidth(model.signature);
  const answers = new Float64Array(frame.rows * width);
  await model.predict(frame, answers, []);
  const wrong = answers.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) failed(`row ${Math.floor(wrong / width)} is answered ${answers[wrong]}.`);
  return { name: 'input example', passed: true, detail: `${frame.rows} rows answered with finite numbers` };
}

import { errorBody, errorTable } from '../../errors.ts';
import { overloaded } from '../../lane/admission.ts';
import { wholeAnswer } from '../whole-answer.ts';

/** How soon a caller may try again, seconds. */
export const retryAfter = '1';

/** What a lane that has enough to do says. Made once: to refuse must cost little. */
export interface Refusal {
  text: string;
  headers: Record<string, string | number>;
  /** Head and body as they leave. */
  whole: Buffer;
}

const { status } = errorTable.OVERLOADED;
const body = errorBody(overloaded);

/** Of the Open Inference Protocol and KServe's; of Slipway's own. */
export const plainRefusal = refusal({ error: `${body.code}: ${body.message} ${body.hint}` });
export const codedRefusal = refusal({ error: body });

function refusal(value: object): Refusal {
  const text = JSON.stringify(value);
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'retry-after': retryAfter,
  };
  const whole = Buffer.from(wholeAnswer(status, { ...headers, connection: 'keep-alive' }, text));
  return { text, headers, whole };
}

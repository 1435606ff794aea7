import { SlipwayError } from '../../errors.ts';
import { shown } from '../../shown.ts';
import { answerWidth, type Signature, type TensorSpec } from '../../signature.ts';
import type { Frame } from '../../tensor.ts';
import { intoTexts, ofInteger } from '../../texts.ts';
import type { Listener, Model } from '../model.ts';
import { type AnswerColumn, answersOf } from './answer-table.ts';
import { tableOf } from './frame-table.ts';
import type { KeptChild } from './kept-child.ts';
import { fits } from './signature.ts';

/** A model.py that answers in its own process. */
export class PythonModel implements Model {
  readonly signature: Signature;
  readonly isBounded = true;
  readonly #child: KeptChild;
  readonly #width: number;
  readonly #classes: ReadonlyMap<string, number>;

  constructor(child: KeptChild, signature: Signature) {
    this.signature = signature;
    this.#child = child;
    this.#width = answerWidth(signature);
    this.#classes = new Map((signature.classes ?? []).map((label, index) => [String(label), index]));
  }

  /** Rejects with PYTHON_*, or PREDICTION_FAILED where predict raised, or answered otherwise than at its gate. */
  async predict(frame: Frame, answers: Float64Array, texts: string[]): Promise<void> {
    const { rows } = frame;
    const { body } = await this.#child.ask(tableOf(frame, this.signature.features));
    const given = answersOf(body);
    for (const spec of this.signature.outputs) {
      const output = given.find(({ name }) => name === spec.name);
      if (!output || !fits(output, spec, rows)) throw otherwise(spec, rows, output);
      this.#copy(output.values, spec, rows, answers, texts);
    }
  }

  listen(listener: Listener): void {
    this.#child.listen(listener);
  }

  residentBytes(): number {
    return this.#child.residentBytes();
  }

  get restarts(): number {
    return this.#child.restarts;
  }

  close(): Promise<void> {
    return this.#child.close();
  }

  #copy(
    values: ArrayLike<unknown>,
    { column, width }: TensorSpec,
    rows: number,
    answers: Float64Array,
    texts: string[],
  ): void {
    for (let row = 0, i = 0; row < rows; row++) {
      const from = row * this.#width + column;
      for (let k = 0; k < width; k++, i++) answers[from + k] = this.#valueOf(values[i], texts);
    }
  }

  /** Labels become indices of the classes; other texts, and whole numbers that no float64 holds, go beside. */
  #valueOf(value: unknown, texts: string[]): number {
    if (typeof value === 'number') return value;
    if (typeof value === 'bigint') return ofInteger(value, texts);
    if (typeof value === 'boolean') return value ? 1 : 0;
    const text = String(value);
    return this.#classes.get(text) ?? intoTexts(text, texts);
  }
}

function otherwise(spec: TensorSpec, rows: number, output: AnswerColumn | undefined): SlipwayError {
  const was = output ? `${output.datatype} of ${output.width} a row for ${output.rows} rows` : 'missing';
  return new SlipwayError(
    'PREDICTION_FAILED',
    `Output ${shown(spec.name)} is ${was}, not ${spec.datatype} of ${spec.width} a row for ${rows} rows, as at its gate.`,
  );
}

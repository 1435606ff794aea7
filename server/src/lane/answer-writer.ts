import { stringify } from '../json.ts';
import { rowOf } from '../oip/row.ts';
import {
  answerWidth,
  firstOfTwo,
  isLong,
  isScored,
  predictedClass,
  type Scored,
  type Signature,
} from '../signature.ts';
import type { ServedVersion } from '../snapshot.ts';
import { isInTexts, textAt } from '../texts.ts';

/**
 * Writes a version's answers as Slipway's JSON. What does not change from answer to answer (names, class
 * labels) is text made once; a row is then a few string pieces and its numbers.
 */
export class AnswerWriter {
  readonly #signature: Signature;
  readonly #head: string;
  /** `"label":` of each class, and the class itself as JSON. */
  readonly #classKeys: string[];
  readonly #classValues: string[];
  readonly #width: number;
  /** See `firstOfTwo`. */
  readonly #first: number | null;
  /** Whether the value is a 64-bit integer. */
  readonly #isLong: boolean;

  constructor(model: string, version: ServedVersion) {
    this.#signature = version.signature;
    this.#head = `","model":${JSON.stringify(model)},"version":${version.version},"prediction`;
    const classes = version.signature.classes ?? [];
    this.#classKeys = classes.map((label) => `${JSON.stringify(String(label))}:`);
    this.#classValues = classes.map((label) => JSON.stringify(label));
    this.#width = answerWidth(version.signature);
    this.#first = isScored(version.signature) ? firstOfTwo(version.signature) : null;
    const { outputs, answer } = version.signature;
    this.#isLong = outputs.some((spec) => spec.column === answer?.column && isLong(spec.datatype));
  }

  /** `{"id", "model", "version", "prediction", "probabilities" | "scores"?}` */
  one(id: string, answers: Float64Array, texts: string[]): string {
    return `{"id":"${id}${this.#head}":${this.#row(answers, texts, 0)}}`;
  }

  /** `{"id", "model", "version", "predictions": [{"id", "prediction", "probabilities" | "scores"?} …]}` */
  many(id: string, answers: Float64Array, texts: string[], rows: number): string {
    let text = `{"id":"${id}${this.#head}s":[`;
    for (let row = 0; row < rows; row++) {
      text += `${row === 0 ? '' : ','}{"id":"${id}.${row}","prediction":${this.#row(answers, texts, row)}}`;
    }
    return `${text}]}`;
  }

  /** From the prediction's value to the end of its object, brace excluded. */
  #row(answers: Float64Array, texts: string[], row: number): string {
    const signature = this.#signature;
    if (!isScored(signature)) return this.#outputs(answers, texts, row);
    const from = row * this.#width + signature.answer.column;
    if (!signature.classes) {
      const value = answers[from]!;
      return this.#isLong && isInTexts(value) ? textAt(value, texts) : number(value);
    }
    const chosen = this.#classValues[predictedClass(signature, answers, row)];
    if (signature.answer.scores) return `${chosen},"scores":{${this.#scores(signature, answers, from)}}`;
    if (signature.task === 'binary') {
      const p = answers[from]!;
      const other = this.#first === null ? 1 - p : answers[row * this.#width + this.#first]!;
      return `${chosen},"probabilities":{${this.#classKeys[0]}${number(other)},${this.#classKeys[1]}${number(p)}}`;
    }
    return `${chosen},"probabilities":{${this.#scores(signature, answers, from)}}`;
  }

  /** Every output by its name. */
  #outputs(answers: Float64Array, texts: string[], row: number): string {
    return stringify(rowOf(this.#signature, answers, texts, row));
  }

  /** A number a class; of two classes, the second's alone. */
  #scores(signature: Scored, answers: Float64Array, from: number): string {
    const { task, answer } = signature;
    if (task === 'binary') return `${this.#classKeys[1]}${number(answers[from]!)}`;
    let text = '';
    for (let k = 0; k < answer.width; k++) {
      text += `${k === 0 ? '' : ','}${this.#classKeys[k]}${number(answers[from + k]!)}`;
    }
    return text;
  }
}

/** JSON has no NaN and no infinities. */
function number(value: number): string {
  return Number.isFinite(value) ? `${value}` : 'null';
}

import { readOpenRow } from '../oip/open-rows.ts';
import {
  answerWidth,
  classIndex,
  isLong,
  isOpen,
  isScored,
  predictedClass,
  type Scored,
  type Signature,
  type TensorSpec,
  textOf,
} from '../signature.ts';
import { textAt, toInteger } from '../texts.ts';
import type { Golden } from './golden.ts';
import type { GoldenOutput } from './golden-outputs.ts';
import { numberOf } from './written-number.ts';

/** Of all rows together: `answers` and `texts` of the version, and how much a number may be off, relative. */
interface Answered {
  answers: Float64Array;
  texts: string[];
  signature: Signature;
  tolerance: number;
}

/**
 * The first value that differs by more than the tolerance, in words; null if none. Relative to the greatest of the
 * numbers that were made together (a row of probabilities), or to what the output's numbers are like: a sum of float32
 * that comes out as 0 in one order is 1e-7 in another.
 */
export function firstDifference(
  golden: Golden,
  answers: Float64Array,
  texts: string[],
  signature: Signature,
  tolerance: number,
): string | null {
  const answered = { answers, texts, signature, tolerance };
  for (const output of golden.outputs) {
    const { against, data } = output;
    const usual = against === 'class' ? 0 : medianSize(data);
    for (let row = 0; row < golden.frame.rows; row++) {
      const wanted = [data[row]].flat(Number.POSITIVE_INFINITY);
      const difference =
        against === 'class'
          ? classDifference(wanted, row, answered)
          : rowDifference(wanted, against, usual, row, answered);
      if (difference !== null) return `row ${row} of ${outputTitle(output)} ${difference}`;
    }
  }
  return null;
}

/** An output by the version's name for it, and by the file's where that is another. */
export function outputTitle({ name, against }: GoldenOutput): string {
  if (against === 'class') return `"${name}" (the predicted class)`;
  return against.name === name ? `"${name}"` : `"${against.name}" ("${name}" in the file)`;
}

function classDifference(wanted: unknown[], row: number, answered: Answered): string | null {
  const signature = answered.signature as Scored;
  const got = predictedClass(signature, answered.answers, row);
  const isSame = wanted.length === 1 && classIndex(signature, wanted[0] as string | number | boolean) === got;
  return isSame || isTie(row, answered) ? null : `is ${signature.classes![got]}, not ${String(wanted)}`;
}

function rowDifference(
  wanted: unknown[],
  spec: TensorSpec,
  usual: number,
  row: number,
  answered: Answered,
): string | null {
  const { answers, texts, signature, tolerance } = answered;
  const size = Math.max(usual, ...sizes(wanted));
  const from = row * answerWidth(signature) + spec.column;
  const own = isOpen(spec)
    ? readOpenRow(spec, textAt(answers[from]!, texts))
    : { values: answers.subarray(from, from + spec.width), texts };
  if (isOpen(spec) && own.values.length !== wanted.length)
    return `has ${own.values.length} values, not ${wanted.length}`;
  for (let i = 0; i < own.values.length; i++) {
    const got = own.values[i]!;
    const want = wanted[i];
    const text = isExact(spec) ? exactText(spec, got, signature, own.texts) : null;
    const isSame = text === null ? close(got, numberOf(want), tolerance * size) : text === exactly(want);
    if (!isSame && !(spec.column === signature.answer?.label?.column && isTie(row, answered)))
      return `is ${text ?? got}, not ${String(want)}`;
  }
  return null;
}

/** Whether an output's values are compared to the last digit or letter. */
function isExact({ datatype }: TensorSpec): boolean {
  return datatype === 'BYTES' || isLong(datatype);
}

function exactText({ datatype }: TensorSpec, got: number, signature: Signature, texts: string[]): string {
  return datatype === 'BYTES' ? textOf(got, signature, texts) : String(toInteger(got, texts));
}

function exactly(want: unknown): string {
  return Object.is(want, -0) ? '0' : String(want);
}

function close(a: number, b: number, most: number): boolean {
  return Object.is(a, b) || a === b || Math.abs(a - b) <= most;
}

/** Whether two classes are as likely: which of them is said then is chance. */
function isTie(row: number, { answers, signature, tolerance }: Answered): boolean {
  if (!isScored(signature)) return false;
  const { column, width, scores } = signature.answer;
  const from = row * answerWidth(signature) + column;
  const own = [...answers.subarray(from, from + width)];
  const all = width > 1 ? own : [own[0]!, scores ? 0 : 1 - own[0]!];
  const [best, second] = all.sort((a, b) => b - a);
  return best! - second! <= tolerance * Math.max(1, Math.abs(best!));
}

/** How great numbers are, those that are finite. */
function sizes(values: unknown[]): number[] {
  return values.map((value) => Math.abs(numberOf(value))).filter(Number.isFinite);
}

function medianSize(data: unknown[]): number {
  const all = sizes(data.flat(Number.POSITIVE_INFINITY)).sort((a, b) => a - b);
  return all[all.length >> 1] ?? 0;
}

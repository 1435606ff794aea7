import { SlipwayError } from './errors.ts';
import { sameOpenRows } from './oip/open-rows.ts';
import type { Frame } from './tensor.ts';

/** A few golden rows, and what the version answered to each by itself when it passed its gate: kept with the version. */
export interface GoldenRows {
  frame: Frame;
  /** float64, row-major. */
  answers: Float64Array;
  /** Texts that each row's answer names. */
  texts: string[][];
}

const format = 1;

/** JSON; numbers as base64 of little-endian float64, so that no bit is lost. Later releases read every format. */
export function encodeGoldenRows({ frame, answers, texts }: GoldenRows): string {
  const { rows, width } = frame;
  const values = base64(frame.values.subarray(0, rows * width));
  return JSON.stringify({ format, rows, width, values, given: frame.texts, answers: base64(answers), texts });
}

export function decodeGoldenRows(text: string): GoldenRows {
  const kept = JSON.parse(text) as {
    format: number;
    rows: number;
    width: number;
    values: string;
    given: string[];
    answers: string;
    texts: string[][];
  };
  if (kept.format !== format) {
    throw new SlipwayError('FILE_BROKEN', `Golden rows were kept in format ${kept.format}, not ${format}.`);
  }
  const { rows, width, given, texts } = kept;
  const frame = { rows, width, values: floats(kept.values), texts: given };
  return { frame, answers: floats(kept.answers), texts };
}

/** Brings one of the rows into a frame of one row. */
export function takeRow({ frame }: GoldenRows, row: number, into: Frame): void {
  into.values.set(frame.values.subarray(row * frame.width, (row + 1) * frame.width));
  into.texts = [...frame.texts];
}

/** How a row's answer differs from the one that was kept, in words; null where it does not, within `tolerance` of the row's greatest number. */
export function goldenDifference(
  { frame, answers, texts }: GoldenRows,
  row: number,
  got: Float64Array,
  gotTexts: string[],
  tolerance: number,
): string | null {
  const width = answers.length / frame.rows;
  const wanted = answers.subarray(row * width, (row + 1) * width);
  const size = wanted.reduce((most, value) => Math.max(most, Math.abs(value) || 0), 0);
  for (let k = 0; k < width; k++) {
    const [is, was] = [got[k]!, wanted[k]!];
    if (Object.is(is, was) || Math.abs(is - was) <= tolerance * size) continue;
    return `golden row ${row} is answered with ${is} in column ${k}, and was with ${was} at the gate`;
  }
  const differs = texts[row]!.findIndex(
    (text, k) => k >= gotTexts.length || !sameOpenRows(text, gotTexts[k]!, tolerance),
  );
  return differs < 0 ? null : `golden row ${row} is answered with another text than at the gate`;
}

function base64(values: Float64Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');
}

function floats(text: string): Float64Array {
  return new Float64Array(new Uint8Array(Buffer.from(text, 'base64')).buffer);
}

import type { Model } from '../models/model.ts';
import { answerWidth, type Signature } from '../signature.ts';
import { type Frame, newFrame } from '../tensor.ts';

/** µs a row: of a single fresh row, and of one among `batchRows`. */
export interface Timing {
  single: number;
  batch: number;
  batchRows: number;
}

const singleRows = 300;
const mostBatchRows = 1000;
const batches = 9;
/** A slow version is timed with fewer rows: for each of both, about this long, ms. */
const patienceMs = 1500;

/** Rows that nobody gave are asked for so long at most, to see whether the model takes such, ms. */
const askedMs = 25;

/** Times rows one by one and together; the median counts. */
export async function timePerRow(model: Model, rows: Frame): Promise<Timing> {
  const one = newFrame(1, rows.width);
  one.texts = rows.texts;
  const single = await median(model, singleRows, (i) => {
    const from = (i % rows.rows) * rows.width;
    one.values.set(rows.values.subarray(from, from + rows.width));
    return one;
  });
  const batchRows = Math.min(mostBatchRows, Math.max(1, Math.floor((patienceMs * 1000) / batches / single)));
  const many = newFrame(batchRows, rows.width);
  many.texts = rows.texts;
  for (let row = 0; row < batchRows; row++) {
    const from = (row % rows.rows) * rows.width;
    many.values.set(rows.values.subarray(from, from + rows.width), row * rows.width);
  }
  const batch = await median(model, batches, () => many);
  return { single, batch: batch / batchRows, batchRows };
}

/** Of a call, µs. */
async function median(model: Model, calls: number, frameOf: (call: number) => Frame): Promise<number> {
  const times: number[] = [];
  const begun = performance.now();
  let answers = new Float64Array();
  while (times.length < calls && performance.now() - begun < patienceMs) {
    const frame = frameOf(times.length);
    const width = frame.rows * answerWidth(model.signature);
    if (answers.length !== width) answers = new Float64Array(width);
    const started = performance.now();
    const waiting = model.predict(frame, answers, []);
    if (waiting) await waiting;
    times.push(performance.now() - started);
  }
  return times.sort((a, b) => a - b)[times.length >> 1]! * 1000;
}

/** 1 / the golden ratio: its multiples' fractions fill [0, 1) evenly. */
const golden = 0.6180339887498949;

/**
 * Rows to time a version on where there is no training data: numbers spread over several magnitudes and categories
 * over their codes, so that a forest's rows take different ways. All else is 0 or empty, which every graph has
 * answered before. Where a model refuses these, rows that it has answered stand in: `known`, or zeros alone.
 */
export async function rowsFor(model: Model, known: Frame | null = null): Promise<Frame> {
  const { features } = model.signature;
  const rows = emptyRows(model.signature, mostBatchRows);
  for (let i = 0; i < rows.values.length; i++) {
    const feature = features[i % rows.width]!;
    const even = ((i + 1) * golden) % 1;
    if (feature.categories) rows.values[i] = Math.floor(even * feature.categories.length);
    else if (feature.type === 'number') rows.values[i] = (2 * even - 1) * 10 ** ((i % 5) - 2);
  }
  const answers = new Float64Array(answerWidth(model.signature));
  const end = performance.now() + askedMs;
  try {
    for (let row = 0; row === 0 || (row < rows.rows && performance.now() < end); row++) {
      const values = rows.values.subarray(row * rows.width, (row + 1) * rows.width);
      await model.predict({ ...rows, rows: 1, values }, answers, []);
    }
    return rows;
  } catch {
    return known ?? emptyRows(model.signature, 1);
  }
}

export function emptyRows(signature: Signature, rows: number): Frame {
  const frame = newFrame(rows, signature.features.length);
  frame.texts.push('');
  return frame;
}

import { parentPort } from 'node:worker_threads';
import { type ErrorBody, errorBody } from '../errors.ts';
import { type PackedRows, packRows } from '../journal/record-writer.ts';
import { type RowsFile, writeRows } from '../journal/rows-file.ts';
import type { Frame } from '../tensor.ts';
import { type Codec, type CodecRules, codecOf } from './codec.ts';

/** One piece of work for the side thread. */
export interface SideTask {
  job: string;
  /** The codec's number; its rules come with the first task that needs it. */
  codec: number;
  rules: CodecRules | null;
  /** Numbers of codecs that nobody needs any more. */
  forget: number[];
  input: unknown;
}

export type SideAnswer = { output: unknown } | { error: ErrorBody };

/** What a job has made; buffers in `transfer` change hands, all else is copied. */
export interface Made<Out> {
  output: Out;
  transfer: ArrayBuffer[];
}

export type Job<In, Out> = (codec: Codec, input: In) => Made<Out>;

/** Does the jobs that this thread is given, one after another, until it is ended. */
export function workAside(jobs: { [job: string]: Job<never, unknown> }): void {
  const codecs = new Map<number, Codec>();
  parentPort!.on('message', ({ job, codec, rules, forget, input }: SideTask) => {
    for (const number of forget) codecs.delete(number);
    try {
      if (rules) codecs.set(codec, codecOf(rules));
      const { output, transfer } = jobs[job]!(codecs.get(codec)!, input as never);
      parentPort!.postMessage({ output } satisfies SideAnswer, transfer);
    } catch (thrown) {
      parentPort!.postMessage({ error: errorBody(thrown) } satisfies SideAnswer);
    }
  });
}

/** Rows and their answers on the way to the journal. */
export interface RowsToPack {
  frame: Frame;
  answers: Float64Array<ArrayBuffer>;
  texts: string[];
  /** Where the record's are to be written; null: they are given back. */
  file: RowsFile | null;
}

/** The same numbers, back, and their record's. */
export interface PackedBack {
  packed: PackedRows;
  values: Float64Array<ArrayBuffer>;
  answers: Float64Array<ArrayBuffer>;
}

/** What every lane's thread can do: the rows of a record. */
export function pack({ journaled }: Codec, given: RowsToPack): Made<PackedBack> {
  const { frame, answers, texts, file } = given;
  const packed = packRows({ ...journaled.of(frame), answers, answerTexts: texts });
  const values = frame.values as Float64Array<ArrayBuffer>;
  const transfer = [values.buffer, answers.buffer];
  // Where they cannot be written, the lane will see so itself, and knows what the model wants then.
  if (file && writeRows(packed.bytes!, file)) packed.bytes = null;
  else transfer.push(packed.bytes!.buffer);
  return { output: { packed, values, answers }, transfer };
}

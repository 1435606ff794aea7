import type { Datatype } from '../../../signature.ts';
import type { Transform } from './ensemble.ts';
import type { binary, unary } from './functions.ts';
import type { reductions } from './reductions.ts';

/**
 * A graph as a list of steps over a block of rows. Every step reads and writes values by index: `widths[v]` float64 a
 * row, row-major; what ONNX holds as float32 is rounded whenever it is written. Constants are an address in
 * `constants`. Plain data, but for the constants and the forests' programs: see program.ts.
 */
export interface Plan {
  widths: number[];
  steps: Step[];
  outputs: { value: number; column: number }[];
  constants: Float64Array;
  /** Programs of forest/program.ts. */
  forests: Uint8Array[];
}

/** One value made of another, as wide unless it says otherwise; in float32, unless it says `double`. */
interface Unary {
  from: number;
  to: number;
  double?: true;
}

export type OfOne = keyof typeof unary;
/** The last two are with constants only: c − x and c / x. */
export type OfTwo = keyof typeof binary;
export type OfMany = keyof typeof reductions;

/** Steps are kept in programs: a name here is for ever. */
export type Step =
  /** An input's columns of the frame, from `column` on, as its datatype holds them. */
  | { op: 'take'; to: number; column: number; datatype: Datatype; input: string }
  /** constants[at + i], the same in every row. */
  | { op: 'fill'; at: number; to: number }
  | { [Op in OfOne]: { op: Op } & Unary }[OfOne]
  /** With constants[at + i], or with a value of the same width. */
  | { [Op in OfTwo]: { op: Op } & Unary & ({ at: number } | { with: number }) }[OfTwo]
  /** A group of neighbouring numbers each: as many as make `to` of `from`. */
  | ({ op: 'reduce'; by: OfMany } & Unary)
  /** `yes` where `from` is true, else `no`. */
  | ({ op: 'choose'; yes: number; no: number } & Unary)
  /** (x − constants[at + i]) · constants[at + width + i]: ONNX's Scaler. */
  | ({ op: 'scale'; at: number } & Unary)
  /** constants[at + i] where x is `replaced` (null: NaN). */
  | ({ op: 'impute'; at: number; replaced: number | null } & Unary)
  | { op: 'concat'; from: number[]; to: number }
  | ({ op: 'pick'; columns: number[] } & Unary)
  /** 1 for the category that a text or number is, else 0. */
  | ({ op: 'oneHotTexts'; categories: string[] } & Unary)
  | ({ op: 'oneHotNumbers'; categories: number[] } & Unary)
  /** constants[at + k] for the k-th key; after the last one's, for what is none of them. */
  | ({ op: 'encodeTexts'; keys: string[]; at: number } & Unary)
  /** The same; the keys stand before: constants[at … at + count). */
  | ({ op: 'encodeNumbers'; count: number; at: number } & Unary)
  /** Σ x[i] · constants[at + k · width + i], then + constants[bias + k]; `bias` null: none. */
  | ({ op: 'linear'; at: number; bias: number | null } & Unary)
  /** The same of one k, added up in another order: see step-linear.ts. */
  | ({ op: 'dot'; at: number; bias: number | null } & Unary)
  /** LP1 and LP2: ONNX's LpNormalization, which makes zeros of zeros. */
  | ({ op: 'normalize'; norm: 'L1' | 'L2' | 'MAX' | 'LP1' | 'LP2' } & Unary)
  | ({ op: 'transform'; by: Transform | 'SIGMOID' } & Unary)
  /** x, then 0 or 1 for each question whether a feature of it is none of the values. */
  | ({ op: 'ask'; questions: { feature: number; values: number[] }[] } & Unary)
  | ({ op: 'walk'; forest: number } & Unary)
  /** Two values of one: 1 − x and x; −x and x. */
  | ({ op: 'complement' } & Unary)
  | ({ op: 'opposite' } & Unary)
  | ({ op: 'argMax' } & Unary)
  /** Whether x > threshold: 0 or 1. */
  | ({ op: 'exceeds'; threshold: number } & Unary)
  /** constants[at + x]. */
  | ({ op: 'lookUp'; at: number } & Unary);

import type { Datatype } from '../../../signature.ts';
import type { Transform } from './ensemble.ts';

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

/** One value made of another, as wide unless it says otherwise. */
interface Unary {
  from: number;
  to: number;
}

/** With constants[at + i]; the last two stand for c − x and c / x. */
export type Arithmetic = 'add' | 'subtract' | 'multiply' | 'divide' | 'subtractFrom' | 'divideInto';

export type Step =
  /** An input's columns of the frame, from `column` on, as its datatype holds them. */
  | { op: 'take'; to: number; column: number; datatype: Datatype; input: string }
  | ({ op: 'round' } & Unary)
  /** (x − constants[at + i]) · constants[at + width + i]: ONNX's Scaler. */
  | ({ op: 'scale'; at: number } & Unary)
  /** constants[at + i] where x is `replaced` (null: NaN). */
  | ({ op: 'impute'; at: number; replaced: number | null } & Unary)
  | { [Op in Arithmetic]: { op: Op; at: number } & Unary }[Arithmetic]
  | { op: 'concat'; from: number[]; to: number }
  | ({ op: 'pick'; columns: number[] } & Unary)
  /** 1 for the category that a text or number is, else 0. */
  | ({ op: 'oneHotTexts'; categories: string[] } & Unary)
  | ({ op: 'oneHotNumbers'; categories: number[] } & Unary)
  /** Σ x[i] · constants[at + k · width + i], then + constants[bias + k]; `bias` null: none. */
  | ({ op: 'linear'; at: number; bias: number | null } & Unary)
  | ({ op: 'normalize'; norm: 'L1' | 'L2' | 'MAX' } & Unary)
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

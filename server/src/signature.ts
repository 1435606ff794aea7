import { isInTexts, nearest, textAt } from './texts.ts';

/** What a version takes and gives: the contract between callers, edges, model, journal and monitors. */

/** `other`: no output is known to be the answer that a label could be held against. */
export type Task = 'binary' | 'multiclass' | 'regression' | 'ranking' | 'other';

/**
 * How a feature's JSON value becomes the one float64 of its column in a Frame:
 * `number`, `integer`: itself (texts.ts where no float64 holds it); `boolean`: 0 or 1; `category` with `categories`: the index in them;
 * `category` without: the integer code itself; `string`: an index into `Frame.texts`;
 * `tensor`: the same, of a row of a tensor whose dimensions besides the rows are open (oip/open-rows.ts).
 * NaN is a missing value, whatever the type.
 */
export type FeatureType = 'number' | 'integer' | 'boolean' | 'category' | 'string' | 'tensor';

export interface Feature {
  name: string;
  type: FeatureType;
  categories?: (string | number)[];
  /** What training saw, in a file that says so, where the model answers any other category as well: to be shown, no more. */
  seen?: (string | number)[];
  /**
   * The model itself takes `categories` and nothing else, not even a missing value; and tensors hold the category (its
   * text or number), where those of other kinds hold the code.
   */
  strict?: true;
}

/** The Open Inference Protocol's tensor datatypes. */
export type Datatype =
  | 'BOOL'
  | 'UINT8'
  | 'UINT16'
  | 'UINT32'
  | 'UINT64'
  | 'INT8'
  | 'INT16'
  | 'INT32'
  | 'INT64'
  | 'FP16'
  | 'FP32'
  | 'FP64'
  | 'BYTES';

/** A tensor of a version. `shape[0]` is the row (-1); the others are fixed, or -1: open, and a row is text in one column. */
export interface TensorSpec {
  name: string;
  datatype: Datatype;
  shape: number[];
  /** First column of this tensor in a Frame's (inputs) or answer's (outputs) row. */
  column: number;
  /** Columns: the product of shape[1..]; 1 where one of those is open. */
  width: number;
  /**
   * The file names no tensors: it is called so here. Alone, it is taken under any name, as any numbers, or as a tensor a
   * feature, for so do the servers that such files come from (MLServer's and KServe's).
   */
  unnamed?: true;
}

/** The one input of a file that names no tensors: all features as a matrix. */
export function matrixOf(datatype: 'FP32' | 'FP64', width: number): TensorSpec {
  return { name: 'X', datatype, shape: [-1, width], column: 0, width, unnamed: true };
}

export interface CanonicalAnswer {
  column: number;
  width: number;
  scores?: true;
  label?: { column: number; holds: 'class' | 'index' };
}

export interface Signature {
  task: Task;
  /** One a column of a Frame, in its order. */
  features: Feature[];
  inputs: TensorSpec[];
  /** Together they make the answer row: `outputs.at(-1)` ends at `answerWidth(signature)`. A BYTES output holds an index into `classes`, or text (texts.ts). */
  outputs: TensorSpec[];
  /** Class of each probability, in order; absent for regression and ranking. */
  classes?: (string | number)[];
  /**
   * Where the canonical answer lies in the answer row: binary: one column, the probability of `classes[1]`;
   * multiclass: one column a class; regression and ranking: one column, the value. `scores`: those are no
   * probabilities but of any size (an SVM's distances, a network's logits). `label`: the column of the class that the
   * model itself says, as the class or as its index; it need not be the likeliest one (an SVM's is not, now and then).
   * null (task `other`): all outputs are answered, and none is scored.
   */
  answer: CanonicalAnswer | null;
  /** Whether the model itself has a rule for missing values (NaN). */
  missingAllowed: boolean;
  /** Rows that the model takes in one call, where that is bounded. Callers need not know: rows are looped. */
  rowsAtOnce?: number;
}

/** A version whose answers labels can be held against. */
export interface Scored extends Signature {
  answer: CanonicalAnswer;
}

export function isScored(signature: Signature): signature is Scored {
  return signature.answer !== null;
}

/** What to do with rows that do not fit: stated per version, counted when it is not a rejection. */
export interface RowPolicy {
  /** An absent feature, or null where the model has no rule of its own for missing values. */
  missing: 'reject' | 'impute';
  /** A category that the signature does not know. */
  unknown: 'reject' | 'impute';
  /** A field that is no feature. */
  extra: 'reject' | 'ignore';
}

export const defaultPolicy: RowPolicy = { missing: 'reject', unknown: 'reject', extra: 'reject' };

/** float64 columns of one answer row. */
export function answerWidth(signature: Signature): number {
  return signature.outputs.reduce((sum, output) => sum + output.width, 0);
}

/** What a BYTES output's column holds: the name of a class, or text of its own. */
export function textOf(value: number, { classes }: Signature, texts: string[]): string {
  return isInTexts(value) ? textAt(value, texts) : String(classes?.[value] ?? '');
}

/** The value that a version without classes answered a row with. */
export function answerValue(
  signature: Scored,
  { answers, answerTexts }: { answers: Float64Array; answerTexts: string[] },
  row: number,
): number {
  const { column } = signature.answer;
  const value = answers[row * answerWidth(signature) + column]!;
  const isInteger = signature.outputs.some((spec) => spec.column === column && isLong(spec.datatype));
  return isInteger ? nearest(value, answerTexts) : value;
}

/** Columns of inputs that may hold whole numbers beyond what float64 does. */
export function longColumns(inputs: TensorSpec[]): number[] {
  return columnsOf(inputs.filter((spec) => isLong(spec.datatype) && !isOpen(spec)));
}

/** Columns of outputs whose values may be in texts (texts.ts). */
export function textColumns(outputs: TensorSpec[]): number[] {
  return columnsOf(
    outputs.filter((spec) => spec.datatype === 'BYTES' || isLong(spec.datatype) || isOpen(spec)),
  );
}

function columnsOf(specs: TensorSpec[]): number[] {
  return specs.flatMap(({ column, width }) => Array.from({ length: width }, (_, i) => column + i));
}

/** Whether rows of a tensor may be of any size. */
export function isOpen({ shape }: TensorSpec): boolean {
  return shape.indexOf(-1, 1) > 0;
}

/** Whether a feature's column holds an index into a frame's texts. */
export function isText({ type }: Feature): boolean {
  return type === 'string' || type === 'tensor';
}

export function isLong(datatype: Datatype): boolean {
  return datatype === 'INT64' || datatype === 'UINT64';
}

/**
 * Index of the predicted class in one answer row: what the model says, or else the likeliest; ties go to the lower
 * index (binary: p > 0.5, or a score > 0, is class 1).
 */
export function predictedClass(signature: Scored, answers: Float64Array, row: number): number {
  const { column, width, scores, label } = signature.answer;
  const first = row * answerWidth(signature);
  if (label) {
    const said = answers[first + label.column]!;
    const index = label.holds === 'index' ? said : (signature.classes?.indexOf(said) ?? -1);
    if (index >= 0 && Number.isInteger(index)) return index;
  }
  const from = first + column;
  if (signature.task === 'binary') return answers[from]! > (scores ? 0 : 0.5) ? 1 : 0;
  let best = 0;
  for (let k = 1; k < width; k++) if (answers[from + k]! > answers[from + best]!) best = k;
  return best;
}

/**
 * Of two classes: the column of the first one's own probability, where the version answers it beside the second's;
 * null: it is 1 − p.
 */
export function firstOfTwo({ task, outputs, answer }: Scored): number | null {
  const column = answer.column - 1;
  const isPair = outputs.some((output) => output.column === column && output.width === 2);
  return task === 'binary' && !answer.scores && isPair ? column : null;
}

/** Index of a label among the classes (numbers and their text are the same label), or -1. */
export function classIndex(signature: Signature, label: string | number | boolean): number {
  const text = typeof label === 'boolean' ? (label ? '1' : '0') : String(label);
  const classes = signature.classes ?? [];
  for (let k = 0; k < classes.length; k++) if (String(classes[k]) === text) return k;
  // Booleans are common labels of two-class models whose classes are words.
  return typeof label === 'boolean' &&
    classes.length === 2 &&
    classes.some((c) => String(c) === String(label))
    ? classes.findIndex((c) => String(c) === String(label))
    : -1;
}

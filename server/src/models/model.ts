import type { SlipwayError } from '../errors.ts';
import type { ProcessLoss } from '../process-loss.ts';
import type { Feature, Signature, TensorSpec } from '../signature.ts';
import type { Frame } from '../tensor.ts';
import type { Trouble } from '../trouble.ts';
import type { UpstreamCounts } from '../upstream-counts.ts';
import type { Waiting } from '../waiting.ts';
import type { ProgramBytes } from './program-file.ts';

/** A version, attached and ready to answer. Lives in lanes, the candidate, the loops (learners) and the scorer. */
export interface Model {
  readonly signature: Signature;
  /**
   * Fills `answers` (float64, row-major, rows × answerWidth(signature)) for the frame's rows; what no float64 holds is
   * appended to `texts` (texts.ts).
   * Compiled kinds answer at once (return nothing); a kind with a runtime of its own may return a promise.
   */
  predict(frame: Frame, answers: Float64Array, texts: string[], waiting?: Waiting): void | Promise<void>;
  /** What a model that runs elsewhere counts; absent for all others. */
  readonly upstream?: UpstreamCounts;
  /** Its calls have bounds that it keeps itself: however long one takes, it is no hang of the process that waits for it. */
  readonly isBounded?: boolean;
  /** Of a model with a process of its own: how often that was started again, and what it holds in memory, bytes. */
  readonly restarts?: number;
  residentBytes?(): number;
  /** Whoever attaches a model that runs elsewhere hears what it has to say besides answers. */
  listen?(listener: Listener): void;
  /** Gives back native memory; the model is not used afterwards. Its listener hears `end`. */
  close?(): void | Promise<void>;
}

export interface Listener {
  /** What a version needs to answer failed; null: it is well again. */
  trouble(trouble: Trouble | null): void;
  /** Its process hung in a call, or crashed while it could answer, and is started again. */
  lost(loss: ProcessLoss): void;
  /** Its own code printed a line. */
  line(text: string): void;
  /** It was closed. */
  end(): void;
}

/** A model that also learns. Pure: same rows in the same order, same state, to the bit. */
export interface Learner extends Model {
  /**
   * Learns one row. `target`: the class index (binary, multiclass) or the value (regression).
   * Returns false when the step was refused because it would not be finite or exceeds the bounded step; the state is then unchanged.
   */
  learn(values: Float64Array, target: number): boolean;
  /** The learner's whole state: what an update carries to the lanes and a checkpoint keeps. Small: bytes, not megabytes. */
  state(): Uint8Array;
  restore(state: Uint8Array): void;
}

/** What was given as a model: one file, or a folder of them. Each is a regular file; the names are safe. */
export interface GivenFiles {
  /** Name as given by the user: "churn.zip". */
  name: string;
  /** Name ("/" between folders) → absolute path. */
  files: ReadonlyMap<string, string>;
  /** Whether a folder or an archive was given. */
  folder: boolean;
}

/** The files of a model; `main` is the one that holds the model. Nothing outside them is ever read. */
export interface ModelFiles {
  /** Name as given by the user, for messages: "model.txt". */
  main: string;
  /** Absolute path of `main` on disk. */
  path: string;
  /** The other files of its folder, by name relative to `main`'s own → absolute path; absent: there are none. */
  beside?: ReadonlyMap<string, string>;
}

/** What the user may say about a file that the file itself cannot. */
export interface ModelHints {
  /** Class labels in order, where the file has none. */
  classes?: (string | number)[];
  /** Names of the features in order, said by a description beside the file, for a file that has none. */
  features?: string[];
  /** How a graph's runtime shall run it. */
  onnx?: {
    threads?: number;
    optimization?: 'disabled' | 'basic' | 'extended' | 'all';
    /** Sizes of an input's dimensions besides the rows, for those that the graph leaves open. */
    shapes?: Record<string, number[]>;
  };
  /** Rows like those that the version will be asked; null: none were given. */
  sample?: () => Promise<Sample | null>;
  /** Which boosting rounds of a model that was stopped early: up to the best one (the default), or all in the file. */
  rounds?: 'best' | 'all';
  /** Training rows in order with their targets: a learner begins on them. */
  training?: { frame: Frame; targets: Float64Array; features: string[]; classes?: (string | number)[] };
}

/** Some rows of the training data, or else of the golden rows, and what their columns are. */
export interface Sample {
  features: Feature[];
  /** Labels in the training data. */
  classes: (string | number)[] | null;
  /** As a frame of these features, which are inputs so. Throws DATA_BROKEN. */
  rows(features: Feature[], inputs: TensorSpec[]): Frame;
}

/** A version made ready once, in the candidate process; what lanes attach is `program`. */
export interface Prepared {
  signature: Signature;
  /** Flat bytes, kept by digest. Whatever `attach` needs: compiled code, tables, the file itself. */
  program: Uint8Array;
  /** Where those may be too many for memory, they are in this file instead, which may be moved away. */
  programFile?: string;
  /** For `inspect` and the version page: framework, its version, trees, depth, operators … */
  facts: Record<string, string | number | boolean>;
  /** How much each feature counts, where the format has it. */
  importance?: Importance[];
  /** What a row may do to all others in its process, in words: run as long as it likes, end it; absent: nothing. */
  hazard?: string;
}

/** One measure of how much each feature counts: a number a feature, in the signature's order. */
export interface Importance {
  /**
   * "splits": how many; "gain": what they gained in training, summed; "effect": how far answers move, per cent of all;
   * "coefficient": a linear model's, which may be negative.
   */
  measure: string;
  values: number[];
}

/**
 * Where a version's predict runs, and so what its callers have to reckon with. `inline`: Slipway's own code; it
 * answers at once, provably in bounded time, and needs no watch. `runtime`: a library in this process, which may hold
 * it for as long as it likes. `elsewhere`: another process or machine; it is waited for, and holds nobody up.
 */
export type Place = 'inline' | 'runtime' | 'elsewhere';

/** One line in kinds.ts. Every kind passes the contract suite in test/models/contract.test.ts. */
export interface Kind {
  readonly name: string;
  /** What `slipway deploy` says it takes. */
  readonly title: string;
  /** Relative tolerance against golden rows (0: bit-equal is expected of the margin; trees 1e-6; ONNX 1e-5). */
  readonly tolerance: number;
  /** Why versions of this kind are not run here; null, or absent: they are. The error's message says it of "it". */
  refusal?(): SlipwayError | null;
  /** How long it lets one call of predict take, ms; absent, or null: as long as whoever calls does. */
  callMs?(): number | null;
  /** Where predict runs with this program; its first 16 bytes are enough. */
  runs(program: Uint8Array): Place;
  /** Whether the file is of this kind, by looking into its first bytes (up to 4 KiB), never by its name's ending alone. */
  recognises(head: Uint8Array, files: ModelFiles): boolean;
  /** Reads, checks and compiles the file. Runs in the candidate only. Throws coded errors (FILE_*) that name the file, the place and what to do. */
  prepare(files: ModelFiles, hints: ModelHints): Promise<Prepared>;
  /** Attaches a program. Runs in lanes: no parsing of the original file here. */
  attach(program: ProgramBytes, signature: Signature): Promise<Model | Learner>;
  /** Whether `attach` gives a Learner. */
  readonly learns: boolean;
}

/** What happens on the data plane, as the journal keeps it and the loops fold it. Data only. */

/** A request's id: 16 bytes of a UUIDv7 (journal/id.ts). A row's id is the request's id and the row's index. */
export type RequestId = Uint8Array;

/** `live` answered the caller; `shadow` answered the same row for comparison only. */
export type Role = 'live' | 'shadow';

/**
 * One request's rows answered by one version. A shadow's record has the id of the live one, and no features
 * of its own; it is there, too, where the shadow failed.
 */
export interface PredictionEvent {
  type: 'prediction';
  id: RequestId;
  model: string;
  version: number;
  /** The learner's update that answered; 0 for versions that do not learn. */
  update: number;
  snapshot: number;
  role: Role;
  /** Probability with which this arm was chosen; 1 where nothing was drawn. */
  propensity: number;
  rollout: string | null;
  subject: string | null;
  key: string | null;
  /** Id of the trace that it is part of, 32 hexadecimal digits (trace.ts). */
  trace: string | null;
  /** Event time, ms since the epoch. */
  at: number;
  /** Time in the model for the whole request, µs. */
  latency: number;
  rows: number;
  /** Names of the features kept, in column order; empty for shadows and where none is kept. */
  features: string[];
  /** float64, column-wise: values[feature * rows + row]. */
  values: Float64Array;
  /** What columns of features index into: text, and whole numbers that no float64 holds. */
  texts: string[];
  /** Code of the error that a shadow failed with on these rows (errors.ts): then there are no answers. null: it answered. */
  failure: string | null;
  /** float64, row-major: rows × the version's answer width. */
  answers: Float64Array;
  /** What of the answers no float64 holds (texts.ts). */
  answerTexts: string[];
  /** How many values of the request were imputed, by the version's policy. */
  imputed: number;
}

/** The truth about a prediction, by id and row or by model and key. */
export interface LabelEvent {
  type: 'label';
  /** Id of the label itself: makes redelivery harmless. */
  id: RequestId;
  model: string | null;
  prediction: { id: RequestId; row: number } | null;
  key: string | null;
  label: string | number;
  /** Event time, ms since the epoch. */
  at: number;
}

export type JournalEvent = PredictionEvent | LabelEvent;

/** Where in one lane incarnation's segments: the next byte to read. */
export interface Position {
  segment: number;
  offset: number;
}

/** Whether a position lies behind another of the same incarnation. */
export function isAfter(a: Position, b: Position): boolean {
  return a.segment > b.segment || (a.segment === b.segment && a.offset > b.offset);
}

/** Where a loop is in the whole journal: one position an incarnation. */
export type Cursor = { [incarnation: string]: Position };

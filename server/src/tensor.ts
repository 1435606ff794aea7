/**
 * Rows on their way to a model: one float64 a feature, row-major (`values[row * width + feature]`).
 * Reused by lanes between requests: whoever keeps rows copies them.
 */
export interface Frame {
  rows: number;
  readonly width: number;
  /** Length at least rows * width. */
  values: Float64Array;
  /** What the indices in columns of type `string` stand for, and whole numbers that no float64 holds (texts.ts). */
  texts: string[];
}

export function newFrame(rows: number, width: number): Frame {
  return { rows, width, values: new Float64Array(rows * width), texts: [] };
}

import { type Row, trainRows } from './stream.ts';

/**
 * For a control experiment: the live rows' labels in an order that has nothing to do with the rows, so that there
 * is nothing to learn (Fisher–Yates over a linear congruential generator: the same seed, the same order).
 */
export function shuffledLabels(rows: Row[], seed: number): number[] {
  const labels = rows.slice(trainRows).map((row) => row.label);
  let state = seed >>> 0;
  for (let i = labels.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = Math.floor((state / 2 ** 32) * (i + 1));
    [labels[i], labels[j]] = [labels[j]!, labels[i]!];
  }
  return labels;
}

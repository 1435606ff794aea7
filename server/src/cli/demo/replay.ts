import { setTimeout as pause } from 'node:timers/promises';
import { Caller } from './caller.ts';
import { labelDelay, type Row, timeOf, trainRows } from './stream.ts';

/** What the caller itself saw of one row. */
export interface Seen {
  row: number;
  id: string;
  version: number;
  prediction: number;
  /** Of class 1, as it was answered. */
  probability: number;
  label: number;
}

export interface Replayed {
  rows: number;
  requestsPerSecond: number;
  p99Ms: number;
}

interface Options {
  dataPlane: string;
  rows: Row[];
  /** Rows behind the training rows that are played. */
  count: number;
  /** Rows a second; Infinity: as fast as it goes. */
  pace: number;
  /**
   * What the learner is taught of each played row instead of the truth, or null. It comes as the label, and the
   * truth as its correction: that changes accuracy and the comparison, and is never learned.
   */
  taught: number[] | null;
  signal: AbortSignal;
  onRow: (seen: Seen, played: number) => void;
}

interface Answer {
  id: string;
  version: number;
  prediction: number;
  probabilities: Record<string, number>;
}

/**
 * Plays the stream as live traffic. Row i is asked when exactly the labels of the rows up to i − 48 are
 * learned and every lane serves that update: `?wait=served` is the barrier. So what happens does not depend
 * on the pace. Rejects when `signal` is aborted.
 */
export async function replay(options: Options): Promise<Replayed> {
  const { dataPlane, rows, count, pace, taught, signal, onRow } = options;
  const caller = new Caller(dataPlane);
  const ids: string[] = [];
  const latencies = new Float64Array(count);
  const label = async (i: number): Promise<void> => {
    const row = trainRows + i;
    const arrives = timeOf(row + labelDelay);
    const send = (value: number) =>
      caller.post('/labels?wait=served', `{"id":"${ids[i]}","label":${value},"at":${arrives}}`, signal);
    if (taught) await send(taught[i]!);
    await send(rows[row]!.label);
  };
  try {
    const started = performance.now();
    for (let i = 0; i < count; i++) {
      const due = started + (i * 1000) / pace - performance.now();
      if (due > 1) await pause(due, undefined, { signal });
      if (i >= labelDelay) await label(i - labelDelay);
      const row = trainRows + i;
      const { features, label: truth } = rows[row]!;
      const body = `{"features":${features},"key":"row-${row}","at":${timeOf(row)}}`;
      const { id, version, prediction, probabilities } = await caller.post<Answer>(
        '/predict/electricity',
        body,
        signal,
      );
      latencies[i] = caller.lastMs;
      ids.push(id);
      onRow({ row, id, version, prediction, probability: probabilities['1']!, label: truth }, i + 1);
    }
    for (let i = Math.max(0, count - labelDelay); i < count; i++) await label(i);
    const seconds = (performance.now() - started) / 1000;
    latencies.sort();
    return {
      rows: count,
      // A prediction and a label a row, and the label's correction.
      requestsPerSecond: ((taught ? 3 : 2) * count) / seconds,
      p99Ms: latencies[Math.floor(count * 0.99)] ?? 0,
    };
  } finally {
    caller.close();
  }
}

import { setTimeout as pause } from 'node:timers/promises';
import { Caller } from './caller.ts';
import { labelDelay, type Row, timeOf, trainRows } from './stream.ts';

/** What the caller itself saw of one row. */
export interface Seen {
  row: number;
  id: string;
  version: number;
  prediction: number;
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
  onRow: (seen: Seen, played: number) => void;
}

/**
 * Plays the stream as live traffic. Row i is asked when exactly the labels of the rows up to i − 48 are
 * learned and every lane serves that update: `?wait=served` is the barrier. So what happens does not depend
 * on the pace.
 */
export async function replay({ dataPlane, rows, count, pace, onRow }: Options): Promise<Replayed> {
  const caller = new Caller(dataPlane);
  const ids: string[] = [];
  const latencies = new Float64Array(count);
  let requests = 0;
  const label = async (i: number, at: number): Promise<void> => {
    const body = `{"id":"${ids[i]}","label":${rows[trainRows + i]!.label},"at":${at}}`;
    await caller.post('/labels?wait=served', body);
    requests++;
  };
  const started = performance.now();
  for (let i = 0; i < count; i++) {
    const row = trainRows + i;
    const due = started + (i * 1000) / pace - performance.now();
    if (due > 1) await pause(due);
    if (i >= labelDelay) await label(i - labelDelay, timeOf(row));
    const { features, label: truth } = rows[row]!;
    const answer = await caller.post<{
      id: string;
      version: number;
      prediction: number;
      probabilities: Record<string, number>;
    }>('/predict/electricity', `{"features":${features},"key":"row-${row}","at":${timeOf(row)}}`);
    latencies[i] = caller.lastMs;
    requests++;
    ids.push(answer.id);
    const { id, version, prediction } = answer;
    onRow({ row, id, version, prediction, probability: answer.probabilities['1']!, label: truth }, i + 1);
  }
  for (let i = Math.max(0, count - labelDelay); i < count; i++)
    await label(i, timeOf(trainRows + i + labelDelay));
  const seconds = (performance.now() - started) / 1000;
  caller.close();
  latencies.sort();
  return {
    rows: count,
    requestsPerSecond: requests / seconds,
    p99Ms: latencies[Math.floor(count * 0.99)] ?? 0,
  };
}

import type { PredictionEvent } from '../../src/events.ts';
import type { MonitorContext } from '../../src/monitors/monitor.ts';
import { profile } from '../../src/monitors/profile.ts';
import type { WindowRule } from '../../src/monitors/windows.ts';
import type { Feature } from '../../src/signature.ts';
import type { Frame } from '../../src/tensor.ts';

export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

/** Live rows of version 1 of model `m`, row-major, as one event. */
export function event(
  features: string[],
  rows: number[][],
  at: number,
  more: Partial<PredictionEvent> = {},
): PredictionEvent {
  const values = new Float64Array(features.length * rows.length);
  rows.forEach((row, r) => {
    row.forEach((value, f) => {
      values[f * rows.length + r] = value;
    });
  });
  return {
    type: 'prediction',
    id: new Uint8Array(16),
    model: 'm',
    version: 1,
    update: 0,
    snapshot: 1,
    role: 'live',
    propensity: 1,
    rollout: null,
    subject: null,
    key: null,
    trace: null,
    at,
    latency: 5,
    rows: rows.length,
    features,
    values,
    texts: [],
    failure: null,
    answerTexts: [],
    answers: new Float64Array(rows.length),
    imputed: 0,
    ...more,
  };
}

export function frameOf(rows: number[][], texts: string[] = []): Frame {
  const width = rows[0]?.length ?? 0;
  return { rows: rows.length, width, values: Float64Array.from(rows.flat()), texts };
}

export function numbers(...names: string[]): Feature[] {
  return names.map((name) => ({ name, type: 'number' }));
}

/** Version 1 of model `m`, trained on these rows. */
export function context(
  features: Feature[],
  training: Frame,
  more: { windows?: Partial<WindowRule>; learns?: boolean } = {},
): MonitorContext {
  return {
    model: 'm',
    version: {
      version: 1,
      kind: 'lightgbm',
      program: '',
      signature: {
        task: 'regression',
        features,
        inputs: [],
        outputs: [],
        answer: { column: 0, width: 1 },
        missingAllowed: true,
      },
      policy: { missing: 'reject', unknown: 'reject', extra: 'reject' },
      impute: [],
      baseline: null,
      microseconds: 1,
      checkpoint: null,
    },
    baseline: profile(features, training),
    ...more,
  };
}

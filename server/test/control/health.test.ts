import { describe, expect, test } from 'vitest';
import type { FindingView, Score } from '../../src/api.ts';
import { type Facts, health } from '../../src/control/health.ts';

const score = (value: number | null, labelled = 1000): Score => ({
  metric: 'accuracy',
  labelled,
  value,
  low: value === null ? null : value - 0.02,
  high: value === null ? null : value + 0.02,
  logLoss: null,
  rmse: null,
});
const finding = (level: 'look' | 'act', version = 1): FindingView => ({
  id: 'f',
  model: 'm',
  version,
  monitor: 'range',
  feature: 'x',
  level,
  message: 'x has moved.',
  hint: 'Look.',
  evidence: {},
  since: 0,
  at: 0,
  row: 1,
  cleared: null,
});
const facts = (changes: Partial<Facts> = {}): Facts => ({
  unloaded: false,
  refusal: null,
  live: 1,
  predictions: 5000,
  failing: { requests: 5000, failed: 0, code: null },
  recent: score(0.84),
  promise: { metric: 'accuracy', value: 0.85 },
  findings: [],
  rollout: null,
  ...changes,
});

describe('one sentence says how a model is', () => {
  const cases: [string, Partial<Facts>, 'well' | 'look' | 'act', RegExp][] = [
    ['well', {}, 'well', /^Version 1 is well: 84 % right\.$/],
    ['nothing live', { live: null }, 'act', /answers nothing/],
    [
      'every request fails, and was never answered',
      { predictions: 0, failing: { requests: 3, failed: 3, code: 'TIMEOUT' } },
      'act',
      /^Version 1 fails: 3 of its last 3 requests \(most of them TIMEOUT\)\.$/,
    ],
    [
      'some fail',
      { failing: { requests: 1000, failed: 10, code: 'PREDICTION_FAILED' } },
      'look',
      /10 of its last 1,000 requests/,
    ],
    ['few fail', { failing: { requests: 1000, failed: 9, code: 'TIMEOUT' } }, 'well', /is well/],
    ['two of two fail', { failing: { requests: 2, failed: 2, code: 'TIMEOUT' } }, 'well', /is well/],
    ['nobody asked', { predictions: 0 }, 'well', /nobody has asked/],
    ['no labels', { recent: score(null, 0) }, 'well', /labels have not come yet/],
    ['a handful of labels', { recent: score(0, 1), promise: null }, 'well', /1 label so far/],
    [
      'far below its promise',
      { recent: score(0.63) },
      'act',
      /below its promise: 63 % right, 85 % on its training rows/,
    ],
    ['somewhat below', { recent: score(0.76) }, 'look', /below its promise/],
    ['below, but not surely', { recent: { ...score(0.78), high: 0.82 } }, 'well', /is well/],
    [
      'an input has moved',
      { findings: [finding('act')] },
      'look',
      /x has moved\. So far version 1 is as right as it was/,
    ],
    ['another version’s finding', { findings: [finding('act', 2)] }, 'well', /is well/],
    [
      'a rollout',
      { rollout: { id: 'm-1', candidate: 2, live: 1, state: 'running' } },
      'well',
      /Version 2 is compared with it/,
    ],
    [
      'a verdict that could not be carried out',
      {
        rollout: { id: 'm-1', candidate: 2, live: 1, state: 'running' },
        findings: [{ ...finding('act', 2), id: 'm-1/undone', message: 'Version 2 was to be promoted.' }],
      },
      'look',
      /^Version 2 was to be promoted\. So far version 1 is as right as it was/,
    ],
  ];
  test.each(cases)('%s', (_name, changes, level, sentence) => {
    expect(health(facts(changes))).toEqual({ level, sentence: expect.stringMatching(sentence) });
  });
});

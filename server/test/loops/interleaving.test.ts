import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrate, openDatabase } from '../../src/db/open.ts';
import { stateSchema } from '../../src/db/state-schema.ts';
import type { JournalEvent, PredictionEvent } from '../../src/events.ts';
import { Appender } from '../../src/journal/appender.ts';
import { Finder } from '../../src/journal/find.ts';
import { IdSource, idText } from '../../src/journal/id.ts';
import { Join } from '../../src/loops/join.ts';
import { OutcomeTable } from '../../src/loops/outcome-table.ts';
import { Predictions } from '../../src/loops/predictions.ts';
import { Traffic } from '../../src/loops/traffic.ts';
import { pairOf } from '../../src/rollout/loss.ts';
import { Paired } from '../../src/rollout/paired.ts';
import type { Signature } from '../../src/signature.ts';

/**
 * Whatever the order in which the lanes' records are read, the same outcomes count in the end. A lane's own
 * order is kept; that is all that is known of it.
 */
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-interleaving-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const signature: Signature = {
  task: 'binary',
  features: [{ name: 'x', type: 'number' }],
  inputs: [],
  outputs: [{ name: 'p', datatype: 'FP64', shape: [-1], column: 0, width: 1 }],
  classes: [0, 1],
  answer: { column: 0, width: 1 },
  missingAllowed: true,
};

/** What happens on a lane, in small numbers so that keys and times meet. */
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('predict' as const),
      key: fc.option(fc.integer({ min: 0, max: 2 })),
      at: fc.integer({ min: 0, max: 5 }),
      p: fc.integer({ min: 0, max: 10 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('labelById' as const),
      which: fc.nat(20),
      label: fc.integer({ min: 0, max: 1 }),
      at: fc.integer({ min: 0, max: 9 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('labelByKey' as const),
      key: fc.integer({ min: 0, max: 2 }),
      label: fc.integer({ min: 0, max: 1 }),
      at: fc.integer({ min: 0, max: 9 }),
    }),
  },
);
const history = fc.array(fc.record({ lane: fc.integer({ min: 0, max: 2 }), step }), {
  minLength: 1,
  maxLength: 24,
});

/** The lanes' records: labels may be of predictions of any lane, also of later ones. */
function lanesOf(given: { lane: number; step: object }[]): JournalEvent[][] {
  const lanes: JournalEvent[][] = [[], [], []];
  const sources = [1, 2, 3].map((incarnation) => new IdSource(incarnation, 1e12, () => 0.5));
  const steps = given as {
    lane: number;
    step: { kind: string; key: number | null; at: number; p: number; which: number; label: number };
  }[];
  const predictions = steps
    .filter((one) => one.step.kind === 'predict')
    .map((one) => ({ one, id: sources[one.lane]!.next(0) }));
  for (const one of steps) {
    const { kind, key, at, p, which, label } = one.step;
    const lane = lanes[one.lane]!;
    if (kind === 'predict') {
      const { id } = predictions.find((made) => made.one === one)!;
      const base: PredictionEvent = {
        type: 'prediction',
        id,
        model: 'm',
        version: 1,
        update: 0,
        snapshot: 1,
        role: 'live',
        propensity: 1,
        rollout: 'r',
        subject: null,
        key: key === null ? null : `k${key}`,
        trace: null,
        at,
        latency: 1,
        rows: 1,
        features: ['x'],
        values: Float64Array.of(p),
        texts: [],
        failure: null,
        answerTexts: [],
        answers: Float64Array.of(p / 10),
        imputed: 0,
      };
      lane.push(base, {
        ...base,
        version: 2,
        role: 'shadow',
        features: [],
        values: new Float64Array(0),
        // Some fail.
        failure: p === 5 ? 'PREDICTION_FAILED' : null,
        answers: p === 5 ? new Float64Array(0) : Float64Array.of(1 - p / 10),
      });
    } else {
      const target = predictions.length === 0 ? null : predictions[which % predictions.length]!;
      if (kind === 'labelById' && target) {
        lane.push({
          type: 'label',
          id: sources[one.lane]!.next(0),
          model: null,
          prediction: { id: target.id, row: 0 },
          key: null,
          label,
          at,
        });
      } else if (kind === 'labelByKey') {
        lane.push({
          type: 'label',
          id: sources[one.lane]!.next(0),
          model: 'm',
          prediction: null,
          key: `k${key}`,
          label,
          at,
        });
      }
    }
  }
  return lanes;
}

let runs = 0;

function fold(lanes: JournalEvent[][], turns: number[]): unknown {
  const place = join(folder, String(++runs));
  // The journal itself, for predictions that are looked up.
  const database: DatabaseSync = openDatabase(':memory:');
  migrate(database, ':memory:', stateSchema);
  const joined = new Join(
    database,
    new Predictions(new Finder(place), 1 << 20),
    () => signature,
    () => true,
  );
  const traffic = new Traffic();
  const at = lanes.map(() => 0);
  let turn = 0;
  while (at.some((i, lane) => i < lanes[lane]!.length)) {
    const lane = (turns[turn++ % turns.length] ?? 0) % lanes.length;
    const open = lanes.map((_, k) => (lane + k) % lanes.length).find((k) => at[k]! < lanes[k]!.length)!;
    const event = lanes[open]![at[open]!++]!;
    if (event.type === 'label') joined.label(event);
    else {
      if (event.role === 'live') traffic.add(event.at, event.rows);
      joined.prediction(event);
    }
  }
  const outcomes = database
    .prepare('SELECT id, row, version, truth, answer, correct FROM outcomes WHERE superseded = 0')
    .all()
    .map((row) => ({ ...row, id: idText(row.id as Uint8Array) }))
    .sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
  const paired = new Paired({ kind: 'error' });
  for (const pair of new OutcomeTable(database).pairs('m', 'r', 1, 2)) {
    paired.add(pairOf(paired.loss, pair.at, pair.truth, pair.live, pair.candidate));
  }
  const state = {
    outcomes,
    waiting: joined.waiting,
    traffic: traffic.view(),
    paired: [paired.total, paired.looks(0.05), paired.recent(1)],
  };
  database.close();
  return state;
}

test('every interleaving of lanes ends in the same state', () => {
  fc.assert(
    fc.property(history, fc.array(fc.nat(2), { minLength: 1, maxLength: 40 }), (given, turns) => {
      const lanes = lanesOf(given);
      expect(fold(lanes, turns)).toEqual(fold(lanes, [0]));
    }),
    { seed: 11, numRuns: 500 },
  );
});

test('a prediction that left memory is found in the journal', () => {
  const place = join(folder, 'found');
  const appender = new Appender({
    folder: place,
    incarnation: 1,
    maxSegmentBytes: 1 << 20,
    maxSegmentAgeMs: 1e12,
    syncPeriodMs: 1e6,
    now: () => 0,
  });
  const lanes = lanesOf([
    { lane: 0, step: { kind: 'predict', key: 1, at: 1, p: 9 } },
    { lane: 0, step: { kind: 'predict', key: 1, at: 2, p: 2 } },
  ]);
  for (const event of lanes[0]!) if (event.type === 'prediction') appender.prediction(event);
  appender.commit();
  const database = openDatabase(':memory:');
  migrate(database, ':memory:', stateSchema);
  // No memory at all: every look-up goes to the journal.
  const joined = new Join(
    database,
    new Predictions(new Finder(place), 0),
    () => signature,
    () => true,
  );
  for (const event of lanes[0]!) if (event.type === 'prediction') joined.prediction(event);
  const label = {
    type: 'label' as const,
    id: new IdSource(9, 0, () => 0).next(5),
    model: 'm',
    prediction: null,
    key: 'k1',
    label: 1,
    at: 1,
  };
  expect(joined.label(label)).toEqual({ model: 'm', invalid: false });
  expect(joined.take().map(({ version, correct }) => [version, correct])).toEqual([
    [1, true],
    [2, false],
  ]);
  appender.close();
  database.close();
});

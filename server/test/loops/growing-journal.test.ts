import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
 * The journal grows while it is folded: a label may find its prediction there before that is folded, with or
 * without its shadows. Whatever is written and folded when, with much memory, little, or a new process in between,
 * the same counts in the end.
 */
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-growing-'));
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
const features = ['x'];
const noFeatures: string[] = [];
const laneCount = 3;

interface Step {
  lane: number;
  kind: 'predict' | 'label by id' | 'label by key' | 'again';
  /** Small numbers, so that keys and times meet. */
  key: number;
  at: number;
  which: number;
  label: number;
}
const step: fc.Arbitrary<Step> = fc.record({
  lane: fc.nat(laneCount - 1),
  kind: fc.constantFrom(
    'predict' as const,
    'predict' as const,
    'label by id' as const,
    'label by id' as const,
    'label by key' as const,
    'again' as const,
  ),
  key: fc.nat(3),
  at: fc.nat(5),
  which: fc.nat(20),
  label: fc.nat(2),
});
const history = fc.array(step, { minLength: 2, maxLength: 20 });
/** What happens next: a lane writes, a lane's next event is folded, or the loops are replaced. */
const turns = fc.array(fc.record({ lane: fc.nat(laneCount - 1), what: fc.nat(9) }), { maxLength: 120 });

function lanesOf(steps: Step[]): JournalEvent[][] {
  const lanes: JournalEvent[][] = Array.from({ length: laneCount }, () => []);
  const ids = lanes.map((_, lane) => new IdSource(lane + 1, 1e12, () => 0.5));
  const predictions = steps.map((one) =>
    one.kind === 'predict' ? { ...one, id: ids[one.lane]!.next(0), rows: 1 + (one.which % 2) } : null,
  );
  const made = predictions.filter((one) => one !== null);
  for (const [i, { lane, kind, key, at, which, label }] of steps.entries()) {
    const prediction = predictions[i];
    if (prediction) {
      const { rows, id } = prediction;
      const live: PredictionEvent = {
        type: 'prediction',
        id,
        model: 'm',
        version: 1,
        update: 0,
        snapshot: 1,
        role: 'live',
        propensity: 1,
        rollout: 'r',
        subject: which % 3 === 0 ? 's' : null,
        key: key === 3 ? null : `k${key}`,
        trace: null,
        at,
        latency: 1,
        rows,
        features,
        values: new Float64Array(rows).fill(at),
        texts: [],
        failure: null,
        answerTexts: [],
        answers: new Float64Array(rows).fill(which / 20),
        imputed: 0,
      };
      lanes[lane]!.push(live);
      for (let version = 2; version < 2 + (which % 3); version++)
        lanes[lane]!.push({
          ...live,
          version,
          role: 'shadow',
          features: noFeatures,
          values: new Float64Array(0),
          answers: new Float64Array(rows).fill(1 - which / 20),
        });
      continue;
    }
    const of = made[which % Math.max(1, made.length)];
    const id = ids[lane]!.next(0);
    const base = { type: 'label' as const, id, label: label === 2 ? 'neither' : label, at };
    if (kind === 'again') {
      // Redelivered, by whichever lane.
      const last = lanes.flat().findLast((event) => event.type === 'label');
      if (last) lanes[lane]!.push(last);
    } else if (kind === 'label by key')
      lanes[lane]!.push({ ...base, model: 'm', prediction: null, key: `k${key % 3}` });
    else if (of) {
      // Now and then of a row that there is not.
      const row = which % 7 === 0 ? 2 : at % of.rows;
      lanes[lane]!.push({
        ...base,
        model: key === 0 ? 'm' : null,
        prediction: { id: of.id, row },
        key: null,
      });
    }
  }
  return lanes;
}

let runs = 0;

function fold(lanes: JournalEvent[][], order: { lane: number; what: number }[], memory: number): unknown {
  const journal = join(folder, String(++runs));
  const appenders = lanes.map(
    (_, lane) =>
      new Appender({
        folder: journal,
        incarnation: lane + 1,
        maxSegmentBytes: 1 << 20,
        maxSegmentAgeMs: 1e12,
        syncPeriodMs: 1e6,
        now: () => 0,
      }),
  );
  const database = openDatabase(':memory:');
  migrate(database, ':memory:', stateSchema);
  const begin = () =>
    new Join(
      database,
      new Predictions(new Finder(journal), memory),
      () => signature,
      () => true,
    );
  let joined = begin();
  const traffic = new Traffic();
  const counted = { labels: 0, invalid: 0 };
  const written = lanes.map(() => 0);
  const folded = lanes.map(() => 0);
  const write = (lane: number): void => {
    const event = lanes[lane]![written[lane]!];
    if (!event) return;
    written[lane]!++;
    if (event.type === 'label') appenders[lane]!.label(event);
    else appenders[lane]!.prediction(event);
    appenders[lane]!.commit();
  };
  const read = (lane: number): void => {
    if (folded[lane] === written[lane]) return;
    const event = lanes[lane]![folded[lane]!++]!;
    if (event.type === 'label') {
      const { model, invalid } = joined.label(event);
      if (model !== null) counted.labels++;
      if (invalid) counted.invalid++;
    } else {
      if (event.role === 'live') traffic.add(event.at, event.rows);
      const late = joined.prediction(event);
      counted.labels += late.labels;
      counted.invalid += late.invalid;
    }
  };
  for (const { lane, what } of order) {
    if (what === 0) joined = begin();
    else if (what < 5) write(lane);
    else read(lane);
  }
  for (let lane = 0; lane < laneCount; lane++) while (written[lane]! < lanes[lane]!.length) write(lane);
  for (let lane = 0; lane < laneCount; lane++) while (folded[lane]! < written[lane]!) read(lane);
  for (const appender of appenders) appender.close();
  const outcomes = database
    .prepare(
      'SELECT id, row, version, model, truth, answer, correct FROM outcomes WHERE superseded = 0 ORDER BY id, row, version',
    )
    .all()
    .map((row) => ({ ...row, id: idText(row.id as Uint8Array) }));
  const paired = new Paired({ kind: 'error' });
  for (const pair of new OutcomeTable(database).pairs('m', 'r', 1, 2))
    paired.add(pairOf(paired.loss, pair.at, pair.truth, pair.live, pair.candidate));
  const scores = database
    .prepare('SELECT whose, hour, n, correct FROM scores WHERE n > 0 ORDER BY whose, hour')
    .all();
  const state = {
    outcomes,
    scores,
    counted,
    waiting: joined.waiting,
    waitingSaid: begin().waiting,
    traffic: Buffer.from(traffic.save()).toString(),
    paired: [paired.total, paired.looks(0.05), paired.recent(1)],
  };
  database.close();
  rmSync(journal, { recursive: true, force: true });
  return state;
}

test('whatever is written and folded when, the same counts', () => {
  fc.assert(
    fc.property(history, turns, fc.constantFrom(0, 1000, 1 << 20), (steps, order, memory) => {
      const lanes = lanesOf(steps);
      expect(fold(lanes, order, memory)).toEqual(fold(lanes, [], 1 << 20));
    }),
    { seed: 5, numRuns: 400 },
  );
});

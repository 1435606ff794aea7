import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeSnapshot } from '../../src/db/snapshot-file.ts';
import type { PredictionEvent } from '../../src/events.ts';
import { Appender } from '../../src/journal/appender.ts';
import { IdSource } from '../../src/journal/id.ts';
import { layout } from '../../src/layout.ts';
import { keepConnected } from '../../src/link/link.ts';
import { Advancing } from '../../src/loops/advancing.ts';
import { Loops } from '../../src/loops/loops.ts';
import { judge, type Outcome } from '../../src/loops/outcome.ts';
import { OutcomeTable } from '../../src/loops/outcome-table.ts';
import { StateReader } from '../../src/loops/reader.ts';
import { State } from '../../src/loops/state.ts';
import type { LaneToLoops, LoopsToLane } from '../../src/messages.ts';
import type { Scored } from '../../src/signature.ts';
import type { ServedRollout, Snapshot } from '../../src/snapshot.ts';
import { until } from '../processes/harness.ts';
import { seeded } from '../stats/seeded.ts';

/** What the loops must still know, or learn by themselves, after a death of theirs or of control. */
let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'slipway-restart-'));
  mkdirSync(layout(data).journal, { recursive: true });
});
afterEach(() => rmSync(data, { recursive: true, force: true }));

const signature: Scored = {
  task: 'binary',
  features: [{ name: 'x', type: 'number' }],
  inputs: [],
  outputs: [{ name: 'p', datatype: 'FP64', shape: [-1], column: 0, width: 1 }],
  classes: [0, 1],
  answer: { column: 0, width: 1 },
  missingAllowed: true,
};
const rollout: ServedRollout = {
  id: 'r',
  phase: 'compare',
  live: 1,
  candidate: 2,
  alpha: 0.05,
  leastPairs: 50,
  margin: 0,
  held: false,
};

function snapshotOf(number: number, versions: number[], running: ServedRollout | null = null): Snapshot {
  const served = (version: number) => ({
    version,
    kind: 'lightgbm',
    program: '',
    signature,
    policy: { missing: 'reject', unknown: 'reject', extra: 'reject' } as const,
    impute: [],
    baseline: null,
    microseconds: 1,
    checkpoint: null,
  });
  const model = {
    name: 'm',
    live: versions[0]!,
    shadows: running ? [running.candidate] : [],
    rollout: running,
    unloaded: false,
    failedWrite: 'refuse' as const,
    privacy: { hash: [], drop: [] },
    versions: Object.fromEntries(versions.map((version) => [version, served(version)])),
  };
  return { number, at: 0, models: versions.length > 0 ? { m: model } : {} };
}

function prediction(id: Uint8Array, changes: Partial<PredictionEvent> = {}): PredictionEvent {
  return {
    type: 'prediction',
    id,
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
    at: 5,
    latency: 1,
    rows: 1,
    features: ['x'],
    values: Float64Array.of(1),
    texts: [],
    failure: null,
    answerTexts: [],
    answers: Float64Array.of(0.9),
    imputed: 0,
    ...changes,
  };
}

const appenderOf = (options: { incarnation: number; maxSegmentBytes?: number }) =>
  new Appender({
    folder: layout(data).journal,
    maxSegmentBytes: 1e9,
    maxSegmentAgeMs: 1e15,
    syncPeriodMs: 1e6,
    now: Date.now,
    ...options,
  });

const loopsOf = (retentionBytes = 1e12, waitingMs = 1e9) =>
  new Loops({
    layout: layout(data),
    waitingLimit: 10,
    waitingMs,
    checkpointLabels: 100,
    retentionMs: 1e12,
    retentionBytes,
    onDamage: () => {},
  });

test('a verdict that was reached before a death is sent again without another pair', () => {
  const state = new State(layout(data).state);
  const outcomes = new OutcomeTable(state.database);
  const ids = new IdSource(1, 0, Math.random);
  const advancing = () => new Advancing(state, () => null);
  const sent: string[] = [];
  const seqs: number[] = [];
  const running = advancing();
  const snapshot = snapshotOf(1, [1, 2], rollout);
  running.take(snapshot);
  expect(running.due()).toEqual([]);
  // The live version is always wrong, the candidate right.
  for (let i = 0; i < 100; i++) {
    const live = prediction(ids.next(i), { rollout: 'r' });
    const batch = [live, { ...live, version: 2, role: 'shadow' as const, answers: Float64Array.of(0.1) }].map(
      (answered) => ({
        ...judge(live, answered, 0, signature, 0, 6),
        seq: 0,
        features: null,
        first: true,
        replaces: null,
      }),
    );
    for (const outcome of batch) outcomes.add(outcome);
    seqs.push(...batch.map(({ seq }) => seq));
    state.countPredictions(live.model, [live]);
    sent.push(...running.advance(batch, false).map(({ id }) => id));
  }
  expect(sent).toEqual(['r/compare/promote']);
  const next = advancing();
  next.take(snapshot);
  const verdicts = next.due();
  expect(verdicts).toMatchObject([{ id: 'r/compare/promote', kind: 'promote', version: 2, row: 100 }]);
  expect(next.due()).toEqual([]);
  // One that could not be carried out stands while its proof does.
  expect(next.stands(verdicts[0]!)).toBe(true);
  expect(next.due()).toEqual([]);
  // Held by hand in between: not then, but as soon as it is released.
  const held = advancing();
  held.take(snapshotOf(1, [1, 2], { ...rollout, held: true }));
  expect(held.due()).toEqual([]);
  held.take(snapshotOf(2, [1, 2], rollout));
  expect(held.due()).toHaveLength(1);
  held.take(snapshotOf(3, [1, 2], { ...rollout, held: true }));
  expect(held.stands(verdicts[0]!)).toBe(false);
  held.take(snapshotOf(4, [1, 2], rollout));
  expect(held.due()).toHaveLength(1);
  for (const seq of seqs) outcomes.withdraw(seq);
  held.advance([], true);
  expect(held.stands(verdicts[0]!)).toBe(false);
  expect(held.due()).toEqual([]);
  state.close();
});

test('labels that are corrected leave what the right ones would have left', () => {
  const state = new State(layout(data).state);
  const outcomes = new OutcomeTable(state.database);
  const ids = new IdSource(1, 0, Math.random);
  const random = seeded(3);
  const snapshot = snapshotOf(1, [1, 2], { ...rollout, held: true });
  const running = new Advancing(state, () => null);
  running.take(snapshot);
  /** Of each row: its prediction and the outcomes that count. */
  const rows: { live: PredictionEvent; count: Outcome[] }[] = [];
  const labelled = (row: (typeof rows)[0], truth: number): Outcome[] => {
    const { live, count } = row;
    const shadow = { ...live, version: 2, role: 'shadow' as const, answers: Float64Array.of(random()) };
    row.count = [live, shadow].map((answered, k) => {
      const judged = judge(live, answered, 0, signature, truth, 6);
      const answer = count[k]?.answer ?? judged.answer;
      const replaces = count[k]?.seq ?? null;
      return { ...judged, answer, seq: 0, features: null, first: replaces === null, replaces };
    });
    for (const outcome of row.count) outcomes.add(outcome);
    return row.count;
  };
  let batch: Outcome[] = [];
  for (let i = 0; i < 600; i++) {
    const live = prediction(ids.next(i), { rollout: 'r', at: i * 60_000 });
    rows.push({ live, count: [] });
    batch.push(...labelled(rows.at(-1)!, random() < 0.5 ? 0 : 1));
    if (random() < 0.5) {
      const row = rows[Math.floor(random() * rows.length)]!;
      batch.push(...labelled(row, 1 - row.count[0]!.truth));
    }
    if (random() < 0.3) {
      running.advance(batch, false);
      batch = [];
    }
  }
  running.advance(batch, false);
  running.save();
  const view = state.view('rollout/r/compare');
  expect(view).toMatchObject({ labelled: 600, look: { pairs: 600 } });
  const anew = new Advancing(state, () => null);
  anew.take(snapshot);
  anew.save();
  expect(state.view('rollout/r/compare')).toEqual(view);
  state.close();
});

test('answers by a snapshot that control has not told of yet are judged by it; labels of versions long gone count', async () => {
  const places = layout(data);
  const ids = new IdSource(1, Date.now(), Math.random);
  const appender = appenderOf({ incarnation: 1 });
  const label = (id: Uint8Array) =>
    appender.label({
      type: 'label',
      id: ids.next(Date.now()),
      model: null,
      prediction: { id, row: 0 },
      key: null,
      label: 1,
      at: 6,
    });
  const reader = new StateReader(places.state);
  const first = ids.next(Date.now());
  const second = ids.next(Date.now());
  writeSnapshot(places.snapshot, snapshotOf(2, [7]));
  let loops = loopsOf();
  try {
    await loops.start(snapshotOf(1, []));
    appender.prediction(prediction(first, { version: 7, snapshot: 2 }));
    appender.prediction(prediction(second, { version: 7, snapshot: 2 }));
    label(first);
    appender.commit();
    loops.wake();
    await until(() => reader.traffic('m').labels === 1, 'the label to be folded');
    expect(reader.score('m', 7)).toMatchObject({ labelled: 1, value: 1 });
    await loops.stop();
    loops = loopsOf();
    await loops.start(snapshotOf(3, [8]));
    label(second);
    appender.commit();
    loops.wake();
    await until(() => reader.traffic('m').labels === 2, 'the late label to be folded');
    expect(reader.score('m', 7)).toMatchObject({ labelled: 2, value: 1 });
  } finally {
    await loops.stop();
    appender.close();
    reader.close();
  }
});

test('what is past retention stays so after a restart', async () => {
  const ids = new IdSource(1, Date.now(), Math.random);
  const appender = appenderOf({ incarnation: 1, maxSegmentBytes: 1000 });
  for (let i = 0; i < 100; i++) {
    appender.prediction(prediction(ids.next(Date.now())));
    appender.commit();
  }
  appender.close();
  const told: number[] = [];
  // The first start deletes; the second finds nothing to delete.
  for (const bytes of [5000, 1e12]) {
    const loops = loopsOf(bytes);
    const { promise, resolve } = Promise.withResolvers<number>();
    await loops.start(null);
    const end = keepConnected<LoopsToLane, LaneToLoops>(layout(data).loopsSocket, (link) => {
      link.onMessage = (message) => {
        if (message.type === 'folded') resolve(message.oldest);
      };
      link.send({ type: 'hello', lane: 1, incarnation: 1 });
    });
    told.push(await promise);
    end();
    await loops.stop();
  }
  expect(told[0]).toBeGreaterThan(1.7e12);
  expect(told[1]).toBe(told[0]);
});

test('labels that waited too long are let go, and counted for the model that they named', async () => {
  const ids = new IdSource(1, 0, Math.random);
  const before = Date.now() - 60_000;
  const appender = appenderOf({ incarnation: 1 });
  // The third names a prediction that nobody knows, which may be of any model.
  for (const [key, model] of [
    ['a', 'm'],
    ['b', 'other'],
    [null, null],
  ] as const) {
    const prediction = key === null ? { id: ids.next(before), row: 0 } : null;
    appender.label({
      type: 'label',
      id: ids.next(before),
      model,
      prediction,
      key,
      label: 1,
      at: 5,
    });
  }
  appender.commit();
  const counts = async (waitingMs: number) => {
    const loops = loopsOf(1e12, waitingMs);
    await loops.start(snapshotOf(1, [1]));
    await loops.stop();
    const reader = new StateReader(layout(data).state);
    const of = ['m', 'other', 'none'].map((model) => {
      const { waiting, expired } = reader.traffic(model);
      return [waiting, expired];
    });
    reader.close();
    return of;
  };
  expect(await counts(1e9)).toEqual([
    [2, 0],
    [2, 0],
    [1, 0],
  ]);
  // Looked at when the loops start, and once a minute.
  expect(await counts(1000)).toEqual([
    [0, 2],
    [0, 2],
    [0, 1],
  ]);
  expect(await counts(1000)).toEqual([
    [0, 2],
    [0, 2],
    [0, 1],
  ]);
  appender.close();
});

import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSnapshot } from '../server/src/db/snapshot-file.ts';
import { Appender } from '../server/src/journal/appender.ts';
import { IdSource } from '../server/src/journal/id.ts';
import { layout } from '../server/src/layout.ts';
import { Loops } from '../server/src/loops/loops.ts';
import { StateReader } from '../server/src/loops/reader.ts';
import { logistic } from '../server/src/models/logistic/logistic.ts';
import { profile } from '../server/src/monitors/profile.ts';
import { newFrame } from '../server/src/tensor.ts';

/**
 * Events folded a second from sealed segments: predictions of 30 features with every monitor, each labelled,
 * joined and committed; with a learner in shadow that learns every label. The peer is what one lane can make
 * (bench/serving.ts).
 */
const predictions = Number(process.argv[2] ?? 100_000);
const artifact = new URL('logit-30.json', import.meta.url).pathname;
const features = (JSON.parse(readFileSync(artifact, 'utf8')) as { features: string[] }).features;
const trained = newFrame(2000, features.length);
for (let i = 0; i < trained.values.length; i++) trained.values[i] = Math.sin(i * 1.7) * (1 + (i % 30));

for (const learns of [false, true]) {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-fold-'));
  try {
    const rate = await fold(folder, learns);
    console.log(
      `${learns ? 'with a learner in shadow' : 'one version'}: ${(rate / 1000).toFixed(1)} thousand events a second`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function fold(folder: string, learns: boolean): Promise<number> {
  const places = layout(folder);
  for (const one of [places.journal, places.blobs]) mkdirSync(one, { recursive: true });
  const keep = (bytes: Uint8Array | string): string => {
    const digest = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(join(places.blobs, digest), bytes);
    return digest;
  };
  const { signature, program } = await logistic.prepare({ main: 'logit-30.json', path: artifact }, {});
  const version = (number: number) => ({
    version: number,
    kind: 'logistic',
    program: keep(program),
    signature,
    policy: { missing: 'reject' as const, unknown: 'reject' as const, extra: 'reject' as const },
    impute: features.map(() => 0),
    baseline: keep(JSON.stringify(profile(signature.features, trained))),
    microseconds: 1,
    checkpoint: null,
  });
  // Without a learner the only version is one that does not learn.
  const fixed = { ...version(1), kind: learns ? 'logistic' : 'lightgbm' };
  writeSnapshot(places.snapshot, {
    number: 1,
    at: 0,
    models: {
      m: {
        name: 'm',
        live: 1,
        shadows: learns ? [2] : [],
        rollout: learns
          ? {
              id: 'r',
              phase: 'compare',
              live: 1,
              candidate: 2,
              alpha: 0.05,
              leastPairs: 1e9,
              margin: 0,
              held: false,
            }
          : null,
        unloaded: false,
        failedWrite: 'refuse',
        privacy: { hash: [], drop: [] },
        versions: learns ? { 1: fixed, 2: version(2) } : { 1: fixed },
      },
    },
  });
  const events = write(places.journal, learns);
  const loops = new Loops({
    layout: places,
    waitingLimit: 1e6,
    waitingMs: 1e12,
    checkpointLabels: 1e9,
    retentionMs: 1e15,
    retentionBytes: 1e15,
    onDamage: (damage) => {
      throw new Error(`Damage: ${JSON.stringify(damage)}`);
    },
  });
  const reader = new StateReader(places.state);
  const started = performance.now();
  await loops.start(JSON.parse(readFileSync(places.snapshot, 'utf8')));
  await loops.stop();
  const seconds = (performance.now() - started) / 1000;
  const { predictions: folded, labels } = reader.traffic('m');
  reader.close();
  if (folded !== predictions || labels !== predictions)
    throw new Error(`Folded ${folded} predictions and ${labels} labels.`);
  return events / seconds;
}

function write(folder: string, learns: boolean): number {
  const appender = new Appender({
    folder,
    incarnation: 1,
    maxSegmentBytes: 64 * 2 ** 20,
    maxSegmentAgeMs: 1e12,
    syncPeriodMs: 1e6,
    now: Date.now,
  });
  const ids = new IdSource(1, 0, Math.random);
  const waiting: Uint8Array[] = [];
  let events = 0;
  const label = (id: Uint8Array): void => {
    appender.label({
      type: 'label',
      id: ids.next(0),
      model: null,
      prediction: { id, row: 0 },
      key: null,
      label: events % 2,
      at: 1e12,
    });
    events++;
  };
  const base = {
    type: 'prediction' as const,
    model: 'm',
    update: 0,
    snapshot: 1,
    propensity: 1,
    rollout: learns ? 'r' : null,
    subject: null,
    key: null,
    trace: null,
    latency: 10,
    rows: 1,
    texts: [],
    failure: null,
    answerTexts: [],
    imputed: 0,
  };
  const none = { features: [] as string[], values: new Float64Array(0) };
  for (let i = 0; i < predictions; i++) {
    const id = ids.next(1e12 + i);
    const values = trained.values.slice((i % 2000) * 30, (i % 2000) * 30 + 30);
    const at = 1e12 + i * 1000;
    appender.prediction({
      ...base,
      id,
      version: 1,
      role: 'live',
      at,
      features,
      values,
      answers: Float64Array.of(0.4),
    });
    events++;
    if (learns) {
      appender.prediction({
        ...base,
        ...none,
        id,
        version: 2,
        role: 'shadow',
        at,
        answers: Float64Array.of(0.6),
      });
      events++;
    }
    waiting.push(id);
    if (waiting.length > 1000) label(waiting.shift()!);
    if (i % 16 === 0) appender.commit();
  }
  for (const id of waiting) label(id);
  appender.close();
  return events;
}

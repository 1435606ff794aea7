import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Gate } from '../api.ts';
import { SlipwayError } from '../errors.ts';
import { encodeGoldenRows, takeRow } from '../golden-rows.ts';
import { findModel } from '../models/main-file.ts';
import { agreed, columnNames } from '../models/mlflow/signature.ts';
import type { Kind, Model, ModelHints, Prepared } from '../models/model.ts';
import { ProgramFile } from '../models/program-file.ts';
import type { Baseline } from '../monitors/baseline.ts';
import { profile } from '../monitors/profile.ts';
import { attachMilliseconds, placementOf } from '../placement.ts';
import { answerWidth, classIndex, isScored, predictedClass } from '../signature.ts';
import { type Frame, newFrame } from '../tensor.ts';
import { attachWatched } from './attaching.ts';
import type { Trial, Tried } from './candidate.ts';
import { digestOf, openGiven } from './container/given.ts';
import { exampleGate } from './example.ts';
import { type Golden, readGolden, rowsOf } from './golden.ts';
import { firstDifference, outputTitle } from './golden-difference.ts';
import { goldenHint } from './golden-hint.ts';
import { mergingGate } from './merging.ts';
import { sampleOf } from './sample.ts';
import { rowsFor, timePerRow } from './timing.ts';
import { frameOf, type Labels, labelsOf, readTable, type Table } from './training.ts';
import type { Load } from './weigh.ts';

/** A learner's promise is what it answered to these last of its training rows, each before it learned it. */
const scoredRows = 100_000;

/** Golden rows that are kept, at most: as many, as many values, and as long as they take a lane that warms with them, ms. */
const keptGolden = { most: 32, values: 4096, milliseconds: 50 };

interface Training {
  table: Table;
  labels: Labels | null;
}

/**
 * Tries a file from end to end: recognise, read and compile, attach, golden rows, time per row, profile of the
 * training data. Runs in the candidate process. Writes `program` and `baseline` into the trial's folder; `loads` hears
 * when the program is there.
 */
export async function tryOut(
  trial: Trial,
  step: (step: string) => void,
  loads: (load: Load) => void,
): Promise<Tried> {
  const gates: Gate[] = [];
  step('opening it');
  const given = await openGiven(trial.file, join(trial.folder, 'files'));
  step('looking at it');
  const { kind, files, mlflow } = await findModel(given);
  const source = { ...(await digestOf(given)), files: given.files.size, main: files.main };
  const training = trial.baseline ? await readTraining(trial, step) : null;
  step('reading it and seeing what it answers with');
  const said = columnNames(mlflow?.signature ?? null);
  const hints = {
    ...hintsOf(trial, training),
    ...(said ? { features: said } : {}),
    sample: () => sampleOf(trial, training),
  };
  const prepared = await kind.prepare(files, hints);
  const signature = agreed(prepared.signature, mlflow?.signature ?? null, given.name);
  step('loading it');
  const program = join(trial.folder, 'program');
  const { programFile } = prepared;
  if (programFile === undefined) await writeFile(program, prepared.program);
  else await rename(programFile, program);
  const file = programFile === undefined ? null : await ProgramFile.open(program);
  // It is weighed meanwhile: what does not load here does not load there, and nobody waits for that.
  loads({ kind: kind.name, signature, program });
  const attach = () => kind.attach(file ?? prepared.program, signature);
  const place = kind.runs(prepared.program);
  // Only a library's turns decide anything; to watch a process start would take the core from it.
  const { model, longestTurn } =
    place === 'runtime'
      ? await attachWatched(attach, attachMilliseconds)
      : { model: await attach(), longestTurn: 0 };
  await file?.close();
  gates.push({
    name: 'loads',
    passed: true,
    detail: `${kind.title}, ${(await stat(program)).size} bytes when prepared`,
  });
  if (mlflow?.example) gates.push(await exampleGate(mlflow.example, model));
  const golden = trial.golden ? await goldenGate(trial.golden, kind, model, prepared.facts, step) : null;
  if (golden) gates.push(golden.gate);
  const frame = training ? frameOf(training.table, signature, trial.baseline!.name) : null;
  step('being timed');
  const rows = frame ?? (await rowsFor(model, golden?.rows.frame ?? null));
  const timing = await timePerRow(model, rows);
  const { single, batch, batchRows } = timing;
  const together = `${batch.toFixed(2)} µs a row in batches of ${batchRows}`;
  gates.push({
    name: 'time per row',
    passed: true,
    detail: `${single.toFixed(1)} µs for a single fresh row, ${together}`,
  });
  const { merging, gate } = await mergingGate(model, place, rows, timing, kind.tolerance);
  if (gate) gates.push(gate);
  const placed = placementOf({
    runs: place,
    learns: kind.learns,
    hazard: prepared.hazard ?? null,
    microseconds: single,
    attachTurn: longestTurn,
  });
  gates.push({ name: 'where it runs', passed: true, detail: placed.why });
  let promise: Tried['promise'] = null;
  let baseline: Baseline | null = null;
  if (training && frame) {
    step('profiling the training data');
    const { labels } = training;
    promise = labels ? await promiseOf(kind, prepared, model, frame, labels.values) : null;
    const task = signature.classes ? 'classification' : 'regression';
    baseline = {
      ...profile(signature.features, frame, labels ? { task, values: labels.values } : undefined),
      promise,
    };
    await writeFile(join(trial.folder, 'baseline'), JSON.stringify(baseline));
  }
  if (golden) await keepGolden(golden.rows, model, single, join(trial.folder, 'golden'));
  await model.close?.();
  return {
    kind: kind.name,
    signature,
    source,
    facts: { ...prepared.facts, ...mlflow?.facts },
    importance: prepared.importance ?? [],
    gates,
    microseconds: single,
    batchMicroseconds: batch,
    merging,
    placement: placed.placement,
    impute: signature.features.map((_, i) => imputeOf(baseline, i)),
    promise,
    hasBaseline: baseline !== null,
    hasGolden: golden !== null,
  };
}

async function readTraining(trial: Trial, step: (step: string) => void): Promise<Training> {
  step('reading its training data');
  const { path, name } = trial.baseline!;
  const table = await readTable(path, name);
  return { table, labels: trial.label === null ? null : labelsOf(table, trial.label, name) };
}

function hintsOf(trial: Trial, training: Training | null): ModelHints {
  const hints: ModelHints = {
    rounds: trial.rounds,
    ...(trial.classes ? { classes: trial.classes } : {}),
    ...(trial.onnx ? { onnx: trial.onnx } : {}),
  };
  if (!training?.labels) return hints;
  const { table, labels } = training;
  const names = table.names.filter(
    (name, i) => name !== trial.label && table.columns[i] instanceof Float64Array,
  );
  const features = { features: names.map((name) => ({ name, type: 'number' as const })) };
  const classes = trial.classes ?? labels.classes;
  const codes = new Map(classes.map((label, code) => [String(label), code]));
  hints.training = {
    frame: frameOf(table, features, trial.baseline!.name),
    targets: Float64Array.from(labels.values, (label) => codes.get(String(label)) ?? Number(label)),
    features: names,
    classes,
  };
  return hints;
}

async function goldenGate(
  file: { name: string; path: string },
  kind: Kind,
  model: Model,
  facts: Prepared['facts'],
  step: (step: string) => void,
): Promise<{ gate: Gate; rows: Golden }> {
  step('answering its golden rows');
  const { signature } = model;
  const golden = readGolden(await readFile(file.path, 'utf8'), file.name, signature);
  const answers = new Float64Array(golden.frame.rows * answerWidth(signature));
  const texts: string[] = [];
  await model.predict(golden.frame, answers, texts);
  const difference = firstDifference(golden, answers, texts, signature, kind.tolerance);
  if (difference !== null) {
    throw new SlipwayError(
      'GATE_FAILED',
      `Gate "golden rows": ${difference} (tolerance ${kind.tolerance.toExponential()}).`,
      goldenHint(facts, file.name),
    );
  }
  const outputs = golden.outputs.map(outputTitle).join(', ');
  const detail = `${golden.frame.rows} rows reproduced in ${outputs} within ${kind.tolerance.toExponential()} relative`;
  return { gate: { name: 'golden rows', passed: true, detail }, rows: golden };
}

/** Keeps as many of them as lanes warm the version with: with its answers to each by itself, which lanes compare. */
async function keepGolden(golden: Golden, model: Model, microseconds: number, file: string): Promise<void> {
  const { signature } = model;
  const { most, values, milliseconds } = keptGolden;
  const affordable = Math.min(values / signature.features.length, (milliseconds * 1000) / microseconds);
  const count = Math.max(1, Math.min(most, golden.frame.rows, Math.floor(affordable)));
  const first = golden.inputs.map((tensor) => ({ ...tensor, data: tensor.data.slice(0, count) }));
  const frame = rowsOf(first, signature, (message) => {
    throw new SlipwayError('INTERNAL', message);
  });
  const width = answerWidth(signature);
  const kept = { frame, answers: new Float64Array(count * width), texts: [] as string[][] };
  const one = newFrame(1, frame.width);
  for (let row = 0; row < count; row++) {
    const texts: string[] = [];
    takeRow(kept, row, one);
    await model.predict(one, kept.answers.subarray(row * width, (row + 1) * width), texts);
    kept.texts.push(texts);
  }
  await writeFile(file, encodeGoldenRows(kept));
}

/** How right the version is on its own training rows; a learner on each before it learned it. */
async function promiseOf(
  kind: Kind,
  prepared: Prepared,
  model: Model,
  frame: Frame,
  labels: (string | number)[],
): Promise<Tried['promise']> {
  const { signature } = model;
  if (signature.task === 'ranking' || !isScored(signature)) return null;
  const from = Math.max(0, frame.rows - scoredRows);
  const rows = frame.rows - from;
  const width = answerWidth(signature);
  const answers = new Float64Array(rows * width);
  if (kind.learns && prepared.facts.begunOnRows) return null;
  const part: Frame = { ...frame, rows, values: frame.values.subarray(from * frame.width) };
  await model.predict(part, answers, []);
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    const label = labels[from + row]!;
    if (signature.classes)
      sum += predictedClass(signature, answers, row) === classIndex(signature, label) ? 1 : 0;
    else sum += Math.abs(answers[row * width + signature.answer.column]! - Number(label));
  }
  return { metric: signature.classes ? 'accuracy' : 'mae', value: sum / rows, rows };
}

function imputeOf(baseline: Baseline | null, i: number): number | null {
  const feature = baseline?.features[i];
  if (!feature) return null;
  if (feature.numeric && !feature.categories) return feature.numeric.median;
  const counts = feature.categories?.counts ?? [];
  const most = counts.indexOf(Math.max(...counts));
  const value = feature.categories?.values[most];
  return typeof value === 'number' ? value : most < 0 ? null : most;
}

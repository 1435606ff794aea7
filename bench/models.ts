/**
 * µs a row of forests, compiled, beside onnxruntime on the same forest and rows, by turns in one run, one thread each.
 * Every answer of ours is compared with a plain loop's to the bit, every one of onnxruntime within 1e-4 (it sums in
 * another order).
 *
 * What is aimed at, as multiples of onnxruntime's speed on the machine: complete trees a fresh row 7, in batches
 * 2.9 (below XGBoost's own 1.74 µs where onnxruntime takes 4.98); uneven trees a fresh row 4.6 (a third of lleaves'
 * 9.8 where onnxruntime takes 15.0), in batches 2.3 (below lleaves' 3.03 where onnxruntime takes 6.93).
 *
 *   node bench/models.ts [model.json|model.ubj …]     without files: XGBoost's shape, 200 complete trees of depth 6,
 *   and LightGBM's, 300 uneven trees of 31 leaves, over 28 features
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { attachForest } from '../server/src/models/forest/attach.ts';
import { compileForest } from '../server/src/models/forest/compile.ts';
import type { Forest } from '../server/src/models/forest/forest.ts';
import { encodeProgram } from '../server/src/models/forest/program.ts';
import { readXgboost } from '../server/src/models/xgboost/read-xgboost.ts';
import type { Signature } from '../server/src/signature.ts';
import { completeForest, plainLoop, rowsFor, unevenForest } from './complete-forest.ts';
import { treeEnsemble } from './tree-ensemble.ts';

const rows = 10_000;
const batch = 1_000;
const rounds = 10;

async function benchForest(name: string, forest: Forest, missing: number): Promise<void> {
  const width = forest.features;
  const values = rowsFor(forest, rows, missing);
  const loop = plainLoop(forest);
  const link = { kind: 'raw', precision: 'float32', scale: 1, divisor: 1 } as const;
  const ours = await attachForest(encodeProgram({ ...compileForest(forest), link }), {} as Signature);
  const session = await InferenceSession.create(treeEnsemble(forest), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  });

  const expected = Float64Array.from({ length: rows }, (_, row) => loop(values, row * width));
  const got = new Float64Array(rows);
  const times = {
    loop: [] as number[],
    fresh: [] as number[],
    batch: [] as number[],
    ortFresh: [] as number[],
    ortBatch: [] as number[],
  };
  const turn = async (
    into: keyof typeof times,
    tolerance: number,
    work: (first: number) => void | Promise<void>,
  ) => {
    got.fill(Number.NaN);
    for (let first = 0; first < rows; first += batch) {
      const start = performance.now();
      await work(first);
      times[into].push(((performance.now() - start) / batch) * 1000);
    }
    for (let row = 0; row < rows; row++) {
      if (Math.abs(got[row]! - expected[row]!) <= tolerance * Math.max(1, Math.abs(expected[row]!))) continue;
      throw new Error(
        `${name}, ${into}, row ${row}: ${got[row]} instead of ${expected[row]}. The figures are void.`,
      );
    }
  };
  const mine = (size: number) => {
    const frame = { rows: size, width, values: new Float64Array(size * width), texts: [] };
    const answers = new Float64Array(size);
    return (first: number) => {
      for (let row = first; row < first + batch; row += size) {
        const from = row * width;
        for (let k = 0; k < size * width; k++) frame.values[k] = values[from + k]!;
        ours.predict(frame, answers);
        got.set(answers, row);
      }
    };
  };
  const theirs = (size: number) => async (first: number) => {
    for (let row = first; row < first + batch; row += size) {
      const X = new Tensor('float32', values.slice(row * width, (row + size) * width), [size, width]);
      got.set((await session.run({ X })).Y!.data as Float32Array, row);
    }
  };
  const [mineFresh, mineBatch] = [mine(1), mine(batch)];
  for (let round = 0; round < rounds; round++) {
    await turn('loop', 0, (first) => {
      for (let row = first; row < first + batch; row++) got[row] = loop(values, row * width);
    });
    await turn('fresh', 0, mineFresh);
    await turn('ortFresh', 1e-4, theirs(1));
    await turn('batch', 0, mineBatch);
    await turn('ortBatch', 1e-4, theirs(batch));
  }
  await session.release();
  // The best thousand rows: other work only ever adds time.
  const [plain, fresh, many, ortFresh, ortMany] = Object.values(times).map((of) => Math.min(...of)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const times1 = (ratio: number) => `${ratio.toFixed(1)} times as fast`;
  console.log(
    `${name}: ${forest.roots.length} trees, ${forest.leaves.length} leaves, ${width} features\n` +
      `                      a fresh row    1,000 at once   (µs a row)\n` +
      `  plain loop         ${plain.toFixed(2).padStart(9)}\n` +
      `  onnxruntime        ${ortFresh.toFixed(2).padStart(9)}        ${ortMany.toFixed(2).padStart(7)}\n` +
      `  Slipway            ${fresh.toFixed(2).padStart(9)}        ${many.toFixed(2).padStart(7)}\n` +
      `  than onnxruntime   ${times1(ortFresh / fresh)}    ${times1(ortMany / many)}\n` +
      `  ${rows.toLocaleString('en')} distinct rows, ${rounds} rounds by turns, every answer compared`,
  );
}

const files = process.argv.slice(2);
const forests: [string, Forest][] =
  files.length === 0
    ? [
        ['200 complete trees of depth 6', completeForest(200, 6, 28)],
        ['300 uneven trees of 31 leaves', unevenForest(300, 31, 28)],
      ]
    : files.map((file) => [basename(file), readXgboost(readFileSync(file), file).forest!]);
for (const [name, forest] of forests) {
  await benchForest(name, forest, 0);
  await benchForest(`${name}, a tenth of the cells missing`, forest, 0.1);
}

/**
 * µs a row of compiled forests beside a plain loop over typed arrays (no missing values, no categories) on the same
 * forest and rows. Every answer of every timed run is compared with the loop's, to the bit.
 *
 *   node bench/forest.ts [model.txt …]
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { attachForest } from '../server/src/models/forest/attach.ts';
import { compileForest } from '../server/src/models/forest/compile.ts';
import type { Forest } from '../server/src/models/forest/forest.ts';
import { treeDepths } from '../server/src/models/forest/forest.ts';
import { encodeProgram } from '../server/src/models/forest/program.ts';
import { readLightgbm } from '../server/src/models/forest/read-lightgbm.ts';
import type { Signature } from '../server/src/signature.ts';
import { normal, randomForest, seeded } from '../server/test/models/forest/random-forest.ts';

const rows = 10_000;
const batch = 1_000;
const rounds = 15;

function plainLoop(forest: Forest): (values: Float64Array, from: number) => number {
  const { roots, feature, threshold, left, right, leaves } = forest;
  return (values, from) => {
    let sum = 0;
    for (let tree = 0; tree < roots.length; tree++) {
      let code = roots[tree]!;
      while (code >= 0)
        code = values[from + feature[code]!]! <= threshold[code]! ? left[code]! : right[code]!;
      sum += leaves[~code]!;
    }
    return sum;
  };
}

/** Rows about the forest's own thresholds, so that every part of it is used; all distinct. */
function rowsFor(forest: Forest): Float64Array {
  const random = seeded(1);
  const near = Array.from({ length: forest.features }, () => [0]);
  forest.feature.forEach((feature, node) => {
    near[feature]!.push(forest.threshold[node]!);
  });
  return Float64Array.from({ length: rows * forest.features }, (_, k) => {
    const cuts = near[k % forest.features]!;
    return cuts[Math.floor(random() * cuts.length)]! * (1 + 1e-3 * normal(random));
  });
}

/** The best of several rounds (other work only ever adds time), in µs a row. */
const best = (times: number[]): number => (Math.min(...times) / rows) * 1000;

async function benchForest(name: string, forest: Forest): Promise<void> {
  const width = forest.features;
  const loop = plainLoop(forest);
  const values = rowsFor(forest);
  const began = performance.now();
  const program = encodeProgram({
    ...compileForest(forest),
    link: { kind: 'raw', precision: 'float64', scale: 1, divisor: 1 },
  });
  const compiled = performance.now();
  const model = await attachForest(program, {} as Signature);
  const attached = performance.now();

  const expected = new Float64Array(rows);
  const got = new Float64Array(rows);
  const one = { rows: 1, width, values: new Float64Array(width), texts: [] };
  const many = { rows: batch, width, values: new Float64Array(batch * width), texts: [] };
  const times: { loop: number[]; single: number[]; batch: number[] } = { loop: [], single: [], batch: [] };
  const answer = new Float64Array(1);
  const answers = new Float64Array(batch);

  const run = (into: number[] | null, work: () => void): void => {
    const start = performance.now();
    work();
    into?.push(performance.now() - start);
  };
  for (let round = -3; round < rounds; round++) {
    const keep = round >= 0;
    run(keep ? times.loop : null, () => {
      for (let row = 0; row < rows; row++) expected[row] = loop(values, row * width);
    });
    run(keep ? times.single : null, () => {
      for (let row = 0; row < rows; row++) {
        for (let k = 0; k < width; k++) one.values[k] = values[row * width + k]!;
        model.predict(one, answer);
        got[row] = answer[0]!;
      }
    });
    compare(name, expected, got);
    run(keep ? times.batch : null, () => {
      for (let row = 0; row < rows; row += batch) {
        many.values.set(values.subarray(row * width, (row + batch) * width));
        model.predict(many, answers);
        got.set(answers, row);
      }
    });
    compare(name, expected, got);
  }
  const depths = treeDepths(forest);
  const mean = depths.reduce((sum, depth) => sum + depth, 0) / depths.length;
  const [floor, single, batched] = [best(times.loop), best(times.single), best(times.batch)];
  console.log(
    `${name}: ${depths.length} trees, ${forest.leaves.length} leaves, ${width} features, depth ${mean.toFixed(1)} on average, ${Math.max(...depths)} at most\n` +
      `  plain loop                ${floor.toFixed(2)} µs a row\n` +
      `  compiled, a fresh row     ${single.toFixed(2)} µs   ${(floor / single).toFixed(1)} times as fast\n` +
      `  compiled, 1,000 at once   ${batched.toFixed(2)} µs   ${(floor / batched).toFixed(1)} times as fast\n` +
      `  compile ${(compiled - began).toFixed(1)} ms, attach ${(attached - compiled).toFixed(1)} ms, program ${Math.round(program.length / 1024)} KiB; ` +
      `${rows.toLocaleString('en')} distinct rows, ${rounds} rounds, every answer equal to the bit`,
  );
}

function compare(name: string, expected: Float64Array, got: Float64Array): void {
  for (let row = 0; row < rows; row++) {
    if (!Object.is(expected[row], got[row])) {
      throw new Error(`${name}, row ${row}: ${got[row]} instead of ${expected[row]}. The figures are void.`);
    }
  }
}

const leafWise = {
  groups: 1,
  bins: 255,
  compare: 'float64',
  sum: 'float64',
  rules: 'plain',
  linear: false,
} as const;
const files = process.argv.slice(2);
if (files.length === 0) {
  const story = new URL('../spec/models/story_lgb/model.txt', import.meta.url);
  await benchForest('story_lgb', readLightgbm(readFileSync(story), 'model.txt').forest);
  await benchForest(
    '100 × 31 leaves',
    randomForest({ ...leafWise, seed: 1, trees: 100, leaves: 31, features: 28 }),
  );
  await benchForest(
    '300 × 31 leaves',
    randomForest({ ...leafWise, seed: 1, trees: 300, leaves: 31, features: 28 }),
  );
  await benchForest(
    '500 × 255 leaves',
    randomForest({ ...leafWise, seed: 1, trees: 500, leaves: 255, features: 28 }),
  );
}
for (const file of files) await benchForest(basename(file), readLightgbm(readFileSync(file), file).forest);

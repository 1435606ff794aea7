/**
 * µs a row of an XGBoost forest, compiled, beside onnxruntime on the same forest and rows, by turns in one run, one
 * thread each. Every answer of ours is compared with a plain loop's to the bit, every one of onnxruntime within 1e-4
 * (it sums in another order).
 *
 *   node bench/models.ts [model.json|model.ubj …]     without files: 200 complete trees of depth 6 over 28 features
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { attachForest } from '../server/src/models/forest/attach.ts';
import { compileForest } from '../server/src/models/forest/compile.ts';
import type { Forest } from '../server/src/models/forest/forest.ts';
import { Rule } from '../server/src/models/forest/forest.ts';
import { encodeProgram } from '../server/src/models/forest/program.ts';
import { readXgboost } from '../server/src/models/xgboost/read-xgboost.ts';
import type { Signature } from '../server/src/signature.ts';
import { normal, seeded } from '../server/test/models/forest/random-forest.ts';
import { treeEnsemble } from './tree-ensemble.ts';

const rows = 10_000;
const batch = 1_000;
const rounds = 10;

/** Complete trees as XGBoost's hist grows them: up to 256 thresholds a feature, each node with a default side. */
function completeForest(trees: number, depth: number, features: number): Forest {
  const random = seeded(1);
  const cuts = Array.from({ length: features }, () =>
    Float64Array.from({ length: 256 }, () => Math.fround(normal(random))),
  );
  const nodes = 2 ** depth - 1;
  const each = (make: (k: number) => number) => Array.from({ length: trees * nodes }, (_, k) => make(k));
  const child = (k: number, side: number): number => {
    const [tree, place] = [Math.floor(k / nodes), 2 * (k % nodes) + side];
    return place < nodes ? tree * nodes + place : ~(tree * (nodes + 1) + place - nodes);
  };
  const feature = Int32Array.from(each(() => Math.floor(random() * features)));
  return {
    features,
    groups: 1,
    compare: 'float32',
    sum: 'float32',
    start: Float64Array.of(0.5),
    roots: Int32Array.from({ length: trees }, (_, tree) => tree * nodes),
    treeGroups: new Int32Array(trees),
    feature,
    threshold: Float64Array.from(feature, (of) => cuts[of]![Math.floor(random() * 256)]!),
    rule: Uint8Array.from(
      feature,
      () => Rule.strict | Rule.missingNaN | (random() < 0.5 ? Rule.defaultLeft : 0),
    ),
    left: Int32Array.from(each((k) => child(k, 1))),
    right: Int32Array.from(each((k) => child(k, 2))),
    leaves: Float64Array.from({ length: trees * (nodes + 1) }, () => Math.fround(normal(random) / 10)),
    sets: { start: Uint32Array.of(0), words: new Uint32Array() },
    linear: null,
  };
}

function plainLoop({ start, roots, feature, threshold, rule, left, right, leaves }: Forest) {
  return (values: Float32Array, from: number): number => {
    let sum = start[0]!;
    for (let tree = 0; tree < roots.length; tree++) {
      let code = roots[tree]!;
      while (code >= 0) {
        const x = values[from + feature[code]!]!;
        const isLeft = x < threshold[code]! || (Number.isNaN(x) && (rule[code]! & Rule.defaultLeft) !== 0);
        code = isLeft ? left[code]! : right[code]!;
      }
      sum = Math.fround(sum + leaves[~code]!);
    }
    return sum;
  };
}

/** Rows about the forest's own thresholds, so that every part of it is used; all distinct; some cells missing. */
function rowsFor(forest: Forest, missing: number): Float32Array {
  const random = seeded(2);
  const near = Array.from({ length: forest.features }, () => [0]);
  forest.feature.forEach((feature, k) => {
    near[feature]!.push(forest.threshold[k]!);
  });
  return Float32Array.from({ length: rows * forest.features }, (_, k) => {
    const cuts = near[k % forest.features]!;
    const x = cuts[Math.floor(random() * cuts.length)]! * (1 + 1e-3 * normal(random));
    return random() < missing ? Number.NaN : x;
  });
}

async function benchForest(name: string, forest: Forest, missing: number): Promise<void> {
  const width = forest.features;
  const values = rowsFor(forest, missing);
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
    ? [['200 trees of depth 6', completeForest(200, 6, 28)]]
    : files.map((file) => [basename(file), readXgboost(readFileSync(file), file).forest!]);
for (const [name, forest] of forests) {
  await benchForest(name, forest, 0);
  await benchForest(`${name}, a tenth of the cells missing`, forest, 0.1);
}

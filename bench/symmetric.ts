/**
 * µs a row of symmetric trees (CatBoost's) compiled as such, beside the same trees compiled as binary ones, by turns in
 * one run. Every answer of every timed run is compared, to the bit.
 *
 *   node bench/symmetric.ts
 */
import type { ForestModel } from '../server/src/models/forest/attach.ts';
import { attachForest } from '../server/src/models/forest/attach.ts';
import type { CompiledForest } from '../server/src/models/forest/compile.ts';
import { compileForest } from '../server/src/models/forest/compile.ts';
import { compileSymmetric } from '../server/src/models/forest/compile-symmetric.ts';
import { encodeProgram } from '../server/src/models/forest/program.ts';
import type { SymmetricForest } from '../server/src/models/forest/symmetric.ts';
import type { Signature } from '../server/src/signature.ts';
import { normal, seeded } from '../server/test/models/forest/random-forest.ts';
import { expanded, randomSymmetric } from '../server/test/models/forest/random-symmetric.ts';

const rows = 10_000;
const batch = 1_000;
const rounds = 15;
const features = 28;

const attach = (compiled: CompiledForest): Promise<ForestModel> =>
  attachForest(
    encodeProgram({ ...compiled, link: { kind: 'raw', precision: 'float64', scale: 1, divisor: 1 } }),
    {} as Signature,
  );

/** The time of all rows, singly or in batches, into `answers`. */
function time(model: ForestModel, values: Float64Array, at: number, answers: Float64Array): number {
  const groups = answers.length / rows;
  const frame = { rows: at, width: features, values: new Float64Array(at * features), texts: [] };
  const part = new Float64Array(at * groups);
  const began = performance.now();
  for (let row = 0; row < rows; row += at) {
    for (let k = 0; k < at * features; k++) frame.values[k] = values[row * features + k]!;
    model.margins(frame, part);
    for (let k = 0; k < at * groups; k++) answers[row * groups + k] = part[k]!;
  }
  return ((performance.now() - began) / rows) * 1000;
}

async function benchForest(name: string, forest: SymmetricForest): Promise<void> {
  const random = seeded(1);
  const values = Float64Array.from({ length: rows * features }, () => normal(random));
  const models = [await attach(compileSymmetric(forest)), await attach(compileForest(expanded(forest)))];
  const best = models.map(() => [Infinity, Infinity]);
  for (let round = -3; round < rounds; round++) {
    const answers = models.map((model, m) =>
      [1, batch].map((at, k) => {
        const own = new Float64Array(rows * forest.groups);
        const took = time(model, values, at, own);
        if (round >= 0) best[m]![k] = Math.min(best[m]![k]!, took);
        return own;
      }),
    );
    const [expected, ...others] = answers.flat();
    for (const other of others) {
      if (other.some((answer, k) => !Object.is(answer, expected![k])))
        throw new Error(`${name}: answers differ.`);
    }
  }
  const show = ([fresh, many]: number[]) =>
    `${fresh!.toFixed(2)} µs a fresh row, ${many!.toFixed(2)} in batches`;
  console.log(`${name}\n  symmetric  ${show(best[0]!)}\n  as binary  ${show(best[1]!)}`);
}

const usual = { seed: 1, depth: 6, features, bins: 128, codes: false };
await benchForest('300 trees of depth 6', randomSymmetric({ ...usual, trees: 300, groups: 1 }));
await benchForest('1,000 trees of depth 6', randomSymmetric({ ...usual, trees: 1000, groups: 1 }));
await benchForest('300 trees of depth 6, 4 classes', randomSymmetric({ ...usual, trees: 300, groups: 4 }));

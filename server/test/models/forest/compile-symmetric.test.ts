import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attachForest } from '../../../src/models/forest/attach.ts';
import { compileSymmetric } from '../../../src/models/forest/compile-symmetric.ts';
import { encodeProgram } from '../../../src/models/forest/program.ts';
import type { SymmetricForest } from '../../../src/models/forest/symmetric.ts';
import { TestKind } from '../../../src/models/forest/symmetric.ts';
import type { Signature } from '../../../src/signature.ts';
import { frameOf } from './fixture.ts';
import { interpret } from './interpret.ts';
import { seeded } from './random-forest.ts';
import { expanded, randomSymmetric } from './random-symmetric.ts';

/** Thresholds and their neighbours in float32 and float64, zeros, missing and infinite values; codes where codes belong. */
function rowsFor({ features, tests }: SymmetricForest, rows: number, seed: number): Float64Array {
  const random = seeded(seed);
  const pick = <T>(items: ArrayLike<T>): T => items[Math.floor(random() * items.length)]!;
  const testsOf = Array.from({ length: features }, () => [] as number[]);
  for (const [test, feature] of tests.feature.entries()) testsOf[feature]!.push(test);
  return Float64Array.from({ length: rows * features }, (_, k) => {
    const own = testsOf[k % features]!;
    const test = pick(own);
    const threshold = tests.threshold[test]!;
    if (tests.kind[test] === TestKind.isCode) return random() < 0.2 ? -1 : threshold;
    if (random() < 0.3) return pick([Number.NaN, 0, -0, Infinity, -Infinity, 1e-40, 3e38, -3e38, 1e300]);
    return pick([
      threshold,
      threshold * (1 + 2 ** -52),
      threshold * (1 + 2 ** -23),
      threshold * (1 - 2 ** -23),
    ]);
  });
}

async function expectSameAsInterpreter(forest: SymmetricForest, rows: number, seed: number): Promise<void> {
  const link = { kind: 'raw', precision: 'float64', scale: 1, divisor: 1 } as const;
  const model = await attachForest(encodeProgram({ ...compileSymmetric(forest), link }), {} as Signature);
  const values = rowsFor(forest, rows, seed);
  const plain = expanded(forest);
  const expected = Array.from({ length: rows }, (_, row) => [
    ...interpret(plain, values.subarray(row * forest.features, (row + 1) * forest.features)),
  ]).flat();
  const sums = new Float64Array(rows * forest.groups);
  model.margins(frameOf(forest.features, values), sums);
  expect([...sums]).toEqual(expected);
}

describe('compiled symmetric forests', () => {
  it('are the interpreter of the same trees as binary ones, to the bit', async () => {
    const shapes = fc.record({
      seed: fc.integer(),
      trees: fc.integer({ min: 1, max: 20 }),
      depth: fc.integer({ min: 0, max: 9 }),
      features: fc.integer({ min: 1, max: 19 }),
      groups: fc.integer({ min: 1, max: 4 }),
      bins: fc.integer({ min: 1, max: 60 }),
      codes: fc.boolean(),
    });
    const property = fc.asyncProperty(shapes, fc.integer({ min: 0, max: 45 }), async (shape, rows) => {
      await expectSameAsInterpreter(randomSymmetric(shape), rows, shape.seed + 1);
    });
    await fc.assert(property, { seed: 20_260_102, numRuns: 150 });
  });

  it.each([
    ['more thresholds on a feature than a byte has ranks', { depth: 6, bins: 1000, features: 3, groups: 1 }],
    ['exactly as many', { depth: 6, bins: 255, features: 3, groups: 2 }],
    ['as many tests as a vector has lanes, and more', { depth: 17, bins: 9, features: 4, groups: 1 }],
    ['more rows than their memory holds at once', { depth: 3, bins: 9, features: 300, groups: 2 }],
  ])('%s', async (_, shape) => {
    const forest = randomSymmetric({ seed: 5, trees: 4, codes: true, ...shape });
    await expectSameAsInterpreter(forest, shape.features === 300 ? 700 : 35, 6);
  });
});

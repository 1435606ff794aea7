import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ForestModel } from '../../../src/models/forest/attach.ts';
import { attachForest } from '../../../src/models/forest/attach.ts';
import { compileForest } from '../../../src/models/forest/compile.ts';
import type { Forest } from '../../../src/models/forest/forest.ts';
import { nearZero, Rule } from '../../../src/models/forest/forest.ts';
import { encodeProgram } from '../../../src/models/forest/program.ts';
import type { Signature } from '../../../src/signature.ts';
import { frameOf } from './fixture.ts';
import { interpret } from './interpret.ts';
import type { Shape } from './random-forest.ts';
import { normal, randomForest, seeded } from './random-forest.ts';

const attach = (forest: Forest): Promise<ForestModel> => {
  const link = { kind: 'raw', precision: 'float64', scale: 1, divisor: 1 } as const;
  return attachForest(encodeProgram({ ...compileForest(forest), link }), {} as Signature);
};

/** Rows of thresholds and their neighbours, category codes, zeros of all kinds, missing and infinite values. */
function rowsFor(forest: Forest, rows: number, seed: number): Float64Array {
  const random = seeded(seed);
  const pick = <T>(items: ArrayLike<T>): T => items[Math.floor(random() * items.length)]!;
  const odd = [
    Number.NaN,
    0,
    -0,
    Infinity,
    -Infinity,
    nearZero,
    -nearZero,
    nearZero * 1.0000001,
    1e-40,
    5e-324,
  ];
  odd.push(
    -1,
    -0.5,
    0.999,
    2.7,
    31,
    32,
    95,
    96,
    127.5,
    1e9,
    2 ** 31 - 1,
    2 ** 31,
    -(2 ** 31),
    2 ** 32,
    1e300,
    -1e300,
  );
  return Float64Array.from({ length: rows * forest.features }, () => {
    const kind = random();
    if (kind < 0.3 || forest.threshold.length === 0) return pick(odd);
    if (kind < 0.5) return Math.floor(random() * 130);
    const threshold = pick(forest.threshold);
    return pick([
      threshold,
      threshold * (1 + 2 ** -52),
      threshold * (1 - 2 ** -52),
      threshold * (1 + 2 ** -23),
    ]);
  });
}

async function expectSameAsInterpreter(forest: Forest, rows: number, seed: number): Promise<void> {
  const model = await attach(forest);
  const values = rowsFor(forest, rows, seed);
  const expected = Array.from({ length: rows }, (_, row) => [
    ...interpret(forest, values.subarray(row * forest.features, (row + 1) * forest.features)),
  ]).flat();
  const sums = new Float64Array(rows * forest.groups);
  model.margins(frameOf(forest.features, values), sums);
  expect([...sums]).toEqual(expected);
}

const shapes: fc.Arbitrary<Shape> = fc.record({
  seed: fc.integer(),
  trees: fc.integer({ min: 1, max: 40 }),
  leaves: fc.integer({ min: 1, max: 60 }),
  features: fc.integer({ min: 1, max: 9 }),
  groups: fc.integer({ min: 1, max: 4 }),
  bins: fc.integer({ min: 1, max: 40 }),
  compare: fc.constantFrom('float64' as const, 'float32' as const),
  sum: fc.constantFrom('float64' as const, 'float32' as const),
  rules: fc.constantFrom('all' as const, 'plain' as const),
  linear: fc.boolean(),
});

describe('compiled forests', () => {
  it('are the interpreter, to the bit, for every rule, precision and number of rows', async () => {
    const property = fc.asyncProperty(shapes, fc.integer({ min: 0, max: 45 }), async (shape, rows) => {
      await expectSameAsInterpreter(randomForest(shape), rows, shape.seed + 1);
    });
    await fc.assert(property, { seed: 20_260_101, numRuns: 300 });
  });

  it('have leaves of several numbers, few or many', async () => {
    const vectors = fc.record({
      shape: shapes,
      groups: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 14, max: 50 })),
    });
    const property = fc.asyncProperty(
      vectors,
      fc.integer({ min: 0, max: 45 }),
      async ({ shape, groups }, rows) => {
        const forest = randomForest({ ...shape, groups, linear: false, vectors: true });
        await expectSameAsInterpreter(forest, rows, shape.seed + 2);
      },
    );
    await fc.assert(property, { seed: 20_260_102, numRuns: 150 });
  });

  it('take more rows than their memory holds at once', async () => {
    const shape = {
      seed: 3,
      trees: 9,
      leaves: 12,
      features: 200,
      groups: 2,
      bins: 5,
      linear: false,
    } as const;
    const forest = randomForest({ ...shape, compare: 'float64', sum: 'float64', rules: 'all' });
    expect(compileForest(forest).rows).toBeLessThan(300);
    await expectSameAsInterpreter(forest, 700, 4);
  });

  it('walk a chain of 3,000 levels, and many thresholds on one feature', async () => {
    const levels = 3000;
    const forest: Forest = {
      features: 1,
      groups: 1,
      compare: 'float64',
      sum: 'float64',
      start: new Float64Array(1),
      roots: Int32Array.of(0),
      treeGroups: Int32Array.of(0),
      feature: new Int32Array(levels),
      threshold: Float64Array.from({ length: levels }, (_, k) => k),
      rule: new Uint8Array(levels).fill(Rule.missingNaN),
      left: Int32Array.from({ length: levels }, (_, k) => ~k),
      right: Int32Array.from({ length: levels }, (_, k) => (k === levels - 1 ? ~levels : k + 1)),
      leaves: Float64Array.from({ length: levels + 1 }, (_, k) => k),
      sets: { start: Uint32Array.of(0), words: new Uint32Array() },
      linear: null,
    };
    const model = await attach(forest);
    const values = Float64Array.of(-5, 0, 0.5, 17, 2998.5, 2999, 2999.5, Infinity, Number.NaN, 1e-300);
    const sums = new Float64Array(values.length);
    model.margins(frameOf(1, values), sums);
    expect([...sums]).toEqual([0, 0, 1, 17, 2999, 2999, 3000, 3000, 3000, 1]);
  });

  it('allow groups without a tree', async () => {
    const shape = { seed: 8, trees: 3, leaves: 4, features: 2, groups: 1, bins: 3, linear: false } as const;
    const forest = randomForest({ ...shape, compare: 'float64', sum: 'float64', rules: 'plain' });
    await expectSameAsInterpreter({ ...forest, groups: 3, start: Float64Array.of(1, 2, 3) }, 19, 5);
  });

  it('are refused rather than laid out in more than a gibibyte', () => {
    const shape = { seed: 8, trees: 1, leaves: 3, features: 1, groups: 1, bins: 3, linear: false } as const;
    const forest = randomForest({ ...shape, compare: 'float64', sum: 'float64', rules: 'plain' });
    const words = new Uint32Array(2 ** 24);
    const sets = { start: Uint32Array.of(0, words.length), words };
    const rule = forest.rule.map(() => Rule.categorical | Rule.setLeft);
    const huge = { ...forest, rule, threshold: new Float64Array(forest.threshold.length), sets };
    expect(() => compileForest(huge)).toThrow(expect.objectContaining({ code: 'FILE_UNSUPPORTED' }));
  });

  it('answer the same after other rows', async () => {
    const random = seeded(11);
    const shape = {
      seed: 12,
      trees: 30,
      leaves: 20,
      features: 5,
      groups: 1,
      bins: 9,
      linear: false,
    } as const;
    const forest = randomForest({ ...shape, compare: 'float64', sum: 'float64', rules: 'all' });
    const model = await attach(forest);
    const row = frameOf(
      5,
      Float64Array.from({ length: 5 }, () => normal(random)),
    );
    const first = new Float64Array(1);
    model.margins(row, first);
    model.margins(frameOf(5, rowsFor(forest, 100, 13)), new Float64Array(100));
    const second = new Float64Array(1);
    model.margins(row, second);
    expect(second).toEqual(first);
  });
});

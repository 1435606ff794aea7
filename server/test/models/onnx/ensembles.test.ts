import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { attachPlan } from '../../../src/models/onnx/compiled/attach.ts';
import { planGraph } from '../../../src/models/onnx/compiled/plan-graph.ts';
import { encodePlan } from '../../../src/models/onnx/compiled/program.ts';
import { readModel } from '../../../src/models/onnx/graph.ts';
import { OnnxSession, openSession } from '../../../src/models/onnx/session.ts';
import { answerWidth, type Signature } from '../../../src/signature.ts';
import { newFrame } from '../../../src/tensor.ts';
import { seeded } from '../forest/random-forest.ts';
import { type EnsembleShape, randomEnsemble } from './ensemble-file.ts';

const rows = 60;

const signatureOf = ({ op, features, targets, double }: EnsembleShape): Signature => {
  const isClassifier = op === 'TreeEnsembleClassifier';
  return {
    task: 'regression',
    features: Array.from({ length: features }, (_, k) => ({ name: `X_${k}`, type: 'number' as const })),
    inputs: [
      {
        name: 'X',
        datatype: double ? 'FP64' : 'FP32',
        shape: [-1, features],
        column: 0,
        width: features,
      },
    ],
    outputs: [
      ...(isClassifier
        ? [{ name: 'label', datatype: 'INT64' as const, shape: [-1], column: 0, width: 1 }]
        : []),
      { name: 'Y', datatype: 'FP32', shape: [-1, targets], column: isClassifier ? 1 : 0, width: targets },
    ],
    answer: { column: 0, width: 1 },
    missingAllowed: true,
  };
};

/** Answers of the compiled graph and of onnxruntime to the same rows; null where it is not compiled. */
async function both(shape: EnsembleShape): Promise<{ got: number[]; wanted: number[] } | null> {
  const { bytes, splits } = randomEnsemble(shape);
  const signature = signatureOf(shape);
  const plan = planGraph(readModel(bytes).graph, signature);
  const random = seeded(shape.seed + 1);
  const frame = newFrame(rows, shape.features);
  for (let i = 0; i < frame.values.length; i++) {
    const split = splits[Math.floor(random() * splits.length)]!;
    const way = random();
    frame.values[i] =
      way < 0.15
        ? Number.NaN
        : way < 0.2
          ? Number.POSITIVE_INFINITY
          : way < 0.3
            ? (random() - 0.5) * 6
            : split * [1, 1, 1 + 2 ** -23, 1 - 2 ** -24, 1 + 2 ** -40][Math.floor(random() * 5)]!;
  }
  const session = new OnnxSession(await openSession(bytes), signature, Number.POSITIVE_INFINITY);
  const answers = [];
  for (const model of [plan && (await attachPlan(encodePlan(plan), signature)), session]) {
    const into = new Float64Array(rows * answerWidth(signature));
    await model?.predict(frame, into, []);
    answers.push([...into]);
  }
  await session.close();
  return plan && { got: answers[0]!, wanted: answers[1]! };
}

const shapes = fc.record({
  seed: fc.nat(),
  op: fc.constantFrom(
    'TreeEnsembleClassifier' as const,
    'TreeEnsembleRegressor' as const,
    'TreeEnsemble' as const,
  ),
  trees: fc.integer({ min: 1, max: 25 }),
  depth: fc.integer({ min: 1, max: 6 }),
  features: fc.integer({ min: 1, max: 6 }),
  targets: fc.integer({ min: 1, max: 4 }),
  dense: fc.boolean(),
  modes: fc.constantFrom([0], [1], [2], [3], [4], [5], [0, 4], [0, 1, 2, 3], [0, 1, 2, 3, 4, 5]),
  tracks: fc.boolean(),
  base: fc.constantFrom('none' as const, 'one' as const, 'each' as const),
  transform: fc.constantFrom(0, 0, 1, 2, 3),
  average: fc.boolean(),
  positive: fc.boolean(),
  double: fc.boolean(),
});

describe('compiled ensembles beside onnxruntime', () => {
  test('sums, labels and transforms are the same', async () => {
    const outcome = { compiled: 0, left: 0, exact: 0, numbers: 0 };
    await fc.assert(
      fc.asyncProperty(shapes, async (drawn) => {
        const isNew = drawn.op === 'TreeEnsemble';
        const shape = {
          ...drawn,
          // onnxruntime takes as many base values as there are targets.
          base: drawn.base === 'one' && drawn.targets > 1 ? ('none' as const) : drawn.base,
          targets: drawn.op === 'TreeEnsembleClassifier' ? Math.max(2, drawn.targets) : drawn.targets,
          dense: !isNew && drawn.dense,
          double: !isNew && drawn.double,
          // How it transforms doubles is not compiled.
          transform: !isNew && drawn.double ? 0 : drawn.transform,
          modes: isNew && drawn.modes.length === 6 ? [...drawn.modes, 6] : drawn.modes,
        };
        const answers = await both(shape);
        outcome[answers ? 'compiled' : 'left']++;
        for (const [i, wanted] of (answers?.wanted ?? []).entries()) {
          const got = answers!.got[i]!;
          outcome.numbers++;
          if (Object.is(got, wanted)) outcome.exact++;
          else if (shape.transform === 0) expect(got, `${i}`).toBe(wanted);
          else expect(Math.abs(got - wanted) / Math.max(1e-6, Math.abs(wanted)), `${i}`).toBeLessThan(1e-5);
        }
      }),
      { seed: 20_260_101, numRuns: Number(process.env.ENSEMBLES ?? 200) },
    );
    // The rest are means of sums that a row may leave without any, sets that meet, and the like.
    expect(outcome.compiled).toBeGreaterThan(0.6 * (outcome.compiled + outcome.left));
    expect(outcome.exact).toBeGreaterThan(0.999 * outcome.numbers);
  });
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { attachPlan } from '../../../src/models/onnx/compiled/attach.ts';
import { planGraph } from '../../../src/models/onnx/compiled/plan-graph.ts';
import { encodePlan } from '../../../src/models/onnx/compiled/program.ts';
import { readModel } from '../../../src/models/onnx/graph.ts';
import { OnnxSession, openSession } from '../../../src/models/onnx/session.ts';
import { answerWidth, type Signature, type TensorSpec } from '../../../src/signature.ts';
import { newFrame } from '../../../src/tensor.ts';
import { normal, seeded } from '../forest/random-forest.ts';
import { attribute, message, model, node, packed, value } from './onnx-file.ts';

const rows = 40;
type Part = ReturnType<typeof node>;

const befores = [
  'Scaler',
  'Imputer',
  'L1',
  'L2',
  'MAX',
  'Sub',
  'Div',
  'Mul',
  'Add',
  'SubFrom',
  'Identity',
  'Clip',
  'Binarizer',
  'Neg',
  'Abs',
  'Where',
  'Mask',
  'Pow',
  'Squares',
  'Centre',
  'Unit',
  'Split',
] as const;
const ends = [
  'LinearRegressor',
  'LinearClassifier',
  'OneScore',
  'MatMul',
  'Vector',
  'Gemm',
  'Sigmoid',
  'Softmax',
  'ArgMax',
  'ArgMin',
] as const;

/** Operators that have no kernel for double precision. */
const ofFloats = [
  'Scaler',
  'Imputer',
  'L1',
  'L2',
  'MAX',
  'Binarizer',
  'LinearRegressor',
  'LinearClassifier',
  'OneScore',
];

/** A pipeline as scikit-learn's exporters write them: preparing steps, then a linear model. */
function pipeline(
  seed: number,
  width: number,
  targets: number,
  before: readonly string[],
  end: string,
  isDouble: boolean,
) {
  const random = seeded(seed);
  const type = { int: 2, string: 3, floats: 6, ints: 7, element: isDouble ? 11 : 1 };
  const some = (count: number): number[] =>
    Array.from({ length: count }, () => (isDouble ? normal(random) : Math.fround(normal(random))));
  const reals = (name: string, values: number[]) =>
    attribute(name, [7, new Uint8Array(Float32Array.from(values).buffer)], [20, type.floats]);
  const text = (name: string, one: string) => attribute(name, [4, one], [20, type.string]);
  const int = (name: string, one: number) => attribute(name, [3, one], [20, type.int]);
  const ml: [number, string] = [7, 'ai.onnx.ml'];
  const parts: Part[] = [];
  const constants: Part[] = [];
  const constant = (dims: number[], values: number[]): string => {
    const name = `c${constants.length}`;
    const bytes = new Uint8Array((isDouble ? Float64Array : Float32Array).from(values).buffer);
    constants.push([5, message([1, packed(dims)], [2, type.element], [8, name], [9, bytes])]);
    return name;
  };
  let last = 'X';
  const then = (op: string, inputs: string[], ...more: Parameters<typeof message>): string => {
    const out = `v${parts.length}`;
    parts.push(node(op, inputs, [out], ...more));
    last = out;
    return out;
  };
  for (const op of before) {
    if (op === 'Scaler') then(op, [last], ml, reals('offset', some(width)), reals('scale', some(width)));
    // Field 2 with wire type 5 is a float; the writer has none, and 0 is replaced where nothing is said.
    else if (op === 'Imputer') then(op, [last], ml, reals('imputed_value_floats', some(width)));
    else if (op.length <= 3 && /^(L\d|MAX)$/.test(op)) then('Normalizer', [last], ml, text('norm', op));
    else if (op === 'Identity') then(op, [last]);
    else if (op === 'Neg' || op === 'Abs') then(op, [last]);
    else if (op === 'Binarizer') then(op, [last], ml);
    else if (op === 'Clip') then(op, [last, constant([], [-0.5]), constant([], [0.75])]);
    else if (op === 'Pow') then(op, [last, constant([], [2])]);
    else if (op === 'Squares') then('Mul', [last, last]);
    else if (op === 'Unit') then('LpNormalization', [last], int('axis', 1), int('p', 1));
    else if (op === 'Where') {
      const x = last;
      then(op, [then('Greater', [x, constant([width], some(width))]), x, constant([1, width], some(width))]);
    } else if (op === 'Mask') {
      const x = last;
      then('Less', [constant([1], some(1)), x]);
      then('Mul', [x, then('Cast', [then('Not', [last])], int('to', type.element))]);
    } else if (op === 'Centre') {
      const x = last;
      const axes = attribute('axes', [8, packed([1])], [20, type.ints]);
      then('Sub', [x, then('ReduceMax', [x], axes)]);
    } else if (op === 'Split') {
      const [name, first] = [`c${constants.length}`, Math.floor(random() * (width + 1))];
      constants.push([5, message([1, packed([2])], [2, 7], [7, packed([first, width - first])], [8, name])]);
      parts.push(node(op, [last, name], [`${name}a`, `${name}b`], int('axis', 1)));
      then('Concat', [`${name}b`, `${name}a`], int('axis', 1));
    } else if (op === 'SubFrom') then('Sub', [constant([1], some(1)), last]);
    else
      then(op, [
        last,
        constant(
          random() < 0.5 ? [width] : [1, width],
          some(width).map((x) => x + 3),
        ),
      ]);
  }
  const outputs: [name: string, width: number, isLabel: boolean][] = [];
  const labels = attribute('classlabels_ints', [8, packed([...Array(targets).keys()])], [20, type.ints]);
  const weights = reals('coefficients', some(width * targets));
  const matrix = () => constant([width, targets], some(width * targets));
  if (end === 'LinearRegressor') {
    then(end, [last], ml, weights, reals('intercepts', some(targets)), int('targets', targets));
  } else if (end === 'LinearClassifier') {
    const by = ['NONE', 'LOGISTIC', 'SOFTMAX'][seed % 3]!;
    const more = [
      ml,
      weights,
      reals('intercepts', some(targets)),
      labels,
      text('post_transform', by),
    ] as const;
    parts.push(node(end, [last], ['label', 'Y'], ...more));
    outputs.push(['label', 1, true]);
  } else if (end === 'OneScore') {
    const two = attribute('classlabels_ints', [8, packed([3, 7])], [20, type.ints]);
    const more = [ml, reals('coefficients', some(width)), reals('intercepts', some(1)), two] as const;
    parts.push(node('LinearClassifier', [last], ['label', 'Y'], ...more));
    outputs.push(['label', 1, true]);
  } else if (end === 'Vector') then('MatMul', [last, constant([width], some(width))]);
  else if (end === 'Gemm') then(end, [last, matrix(), constant([targets], some(targets))]);
  else {
    then('MatMul', [last, matrix()]);
    if (end !== 'MatMul') then('Add', [last, constant([targets], some(targets))]);
    if (end === 'Sigmoid') then(end, [last]);
    if (end === 'Softmax') then(end, [last], int('axis', 1));
  }
  const wide = end === 'OneScore' ? 2 : end === 'Vector' ? 1 : targets;
  if (end !== 'LinearClassifier' && end !== 'OneScore') parts.push(node('Identity', [last], ['Y']));
  outputs.push(['Y', wide, false]);
  if (end === 'ArgMax' || end === 'ArgMin') {
    parts.push(node(end, [last], ['label'], int('axis', 1), int('keepdims', 0)));
    outputs.push(['label', 1, true]);
  }
  const label: Part = [
    12,
    message([1, 'label'], [2, message([1, message([1, 7], [2, message([1, message([2, 'N'])])])])]),
  ];
  const bytes = model(
    message(
      ...parts,
      ...constants,
      [2, 'g'],
      value(11, 'X', width, type.element),
      ...outputs.map(([name, columns, isLabel]) =>
        isLabel ? label : value(12, name, columns, type.element),
      ),
    ),
  );
  let column = 0;
  const specs = outputs.map(([name, columns, isLabel]): TensorSpec => {
    column += columns;
    const shape = isLabel ? [-1] : [-1, columns];
    const datatype = isLabel ? 'INT64' : isDouble ? 'FP64' : 'FP32';
    return { name, datatype, shape, column: column - columns, width: columns };
  });
  return { bytes, specs };
}

test('scalers, arithmetic and linear models are the same as on onnxruntime', async () => {
  let [exact, numbers] = [0, 0];
  const property = fc.asyncProperty(
    fc.nat(),
    fc.integer({ min: 1, max: 40 }),
    fc.integer({ min: 1, max: 6 }),
    fc.array(fc.constantFrom(...befores), { maxLength: 4 }),
    fc.constantFrom(...ends),
    fc.boolean(),
    async (seed, width, drawn, before, end, maybeDouble) => {
      const isDouble = maybeDouble && ![...before, end].some((op) => ofFloats.includes(op));
      const targets = /Classifier|Arg|Softmax/.test(end) ? Math.max(2, drawn) : drawn;
      const { bytes, specs } = pipeline(seed, width, targets, before, end, isDouble);
      const signature: Signature = {
        task: 'regression',
        features: Array.from({ length: width }, (_, k) => ({ name: `X_${k}`, type: 'number' as const })),
        inputs: [{ name: 'X', datatype: isDouble ? 'FP64' : 'FP32', shape: [-1, width], column: 0, width }],
        outputs: specs,
        answer: { column: 0, width: 1 },
        missingAllowed: false,
      };
      const plan = planGraph(readModel(bytes).graph, signature);
      expect(plan).not.toBeNull();
      const random = seeded(seed + 1);
      const frame = newFrame(rows, width);
      for (let i = 0; i < frame.values.length; i++)
        frame.values[i] = random() < 0.1 ? 0 : normal(random) * 10 ** Math.floor(random() * 3 - 1);
      const columns = answerWidth(signature);
      const [got, wanted] = [new Float64Array(rows * columns), new Float64Array(rows * columns)];
      await (await attachPlan(encodePlan(plan!), signature)).predict(frame, got, []);
      const session = new OnnxSession(await openSession(bytes), signature, Number.POSITIVE_INFINITY);
      await session.predict(frame, wanted, []);
      await session.close();
      for (let i = 0; i < got.length; i++) {
        if (!isDouble) numbers++;
        if (Object.is(got[i], wanted[i])) exact += isDouble ? 0 : 1;
        // Sums of products in another order: as exact as their greatest term is.
        else if (specs.some(({ datatype, column }) => datatype !== 'INT64' && i % columns >= column))
          expect(Math.abs(got[i]! - wanted[i]!)).toBeLessThanOrEqual(
            (isDouble ? 1e-12 : 2e-5) * Math.max(1, Math.abs(wanted[i]!)),
          );
      }
    },
  );
  await fc.assert(property, { seed: 20_260_102, numRuns: 300 });
  expect(exact).toBeGreaterThan(0.9 * numbers);
});

test('rows that do not stay first are left to onnxruntime', () => {
  const planOf = (sizes: [first: string, second: string]) => {
    const constant = (name: string, one: number): Part => [
      5,
      message([1, packed([1])], [2, 7], [7, packed([one])], [8, name]),
    ];
    const axis = attribute('axis', [3, 0], [20, 2]);
    const { graph } = readModel(
      model(
        message(
          node('Shape', ['X'], ['shape']),
          node('Gather', ['shape', 'zero'], ['rows']),
          node('Concat', sizes, ['sizes'], axis),
          node('Reshape', ['X', 'sizes'], ['Y']),
          constant('zero', 0),
          constant('open', -1),
          [2, 'g'],
          value(11, 'X', 3),
          value(12, 'Y', 3),
        ),
      ),
    );
    const spec: TensorSpec = { name: 'Y', datatype: 'FP32', shape: [-1, 3], column: 0, width: 3 };
    const features = ['a', 'b', 'c'].map((name) => ({ name, type: 'number' as const }));
    return planGraph(graph, { features, inputs: [{ ...spec, name: 'X' }], outputs: [spec] });
  };
  expect(planOf(['rows', 'open'])).not.toBeNull();
  expect(planOf(['open', 'rows'])).toBeNull();
});

test('a file that doubles a shape or a stack again and again is left, before it fills memory', () => {
  const axis = attribute('axis', [3, 0], [20, 2]);
  const double = (first: Part[], name: string): Part[] => [
    ...first,
    ...Array.from({ length: 40 }, (_, k) => {
      const of = k === 0 ? name : `${name}${k}`;
      return node('Concat', [of, of], [`${name}${k + 1}`], axis);
    }),
  ];
  const planOf = (...parts: Part[]) => {
    const wholes = (name: string, ...sizes: number[]): Part => [
      5,
      message([1, packed([sizes.length])], [2, 7], [7, packed(sizes)], [8, name]),
    ];
    const constants = [wholes('layer', 1, -1, 3), wholes('one', 1)];
    const bytes = model(message(...parts, ...constants, [2, 'g'], value(11, 'X', 3), value(12, 'Y', 3)));
    const spec: TensorSpec = { name: 'Y', datatype: 'FP32', shape: [-1, 3], column: 0, width: 3 };
    const features = ['a', 'b', 'c'].map((name) => ({ name, type: 'number' as const }));
    return planGraph(readModel(bytes).graph, { features, inputs: [{ ...spec, name: 'X' }], outputs: [spec] });
  };
  const shapes = double([node('Shape', ['X'], ['shape']), node('Gather', ['shape', 'one'], ['s'])], 's');
  expect(planOf(...shapes, node('Reshape', ['X', 's40'], ['Y']))).toBeNull();
  const stacks = double([node('Reshape', ['X', 'layer'], ['t'])], 't');
  expect(planOf(...stacks, node('ReduceMean', ['t40'], ['Y']))).toBeNull();
});

import { describe, expect, test } from 'vitest';
import { answerOf } from '../../../src/models/onnx/answer.ts';
import { classLabels } from '../../../src/models/onnx/classes.ts';
import { readModel } from '../../../src/models/onnx/graph.ts';
import { inputsOf } from '../../../src/models/onnx/inputs.ts';
import type { Datatype, TensorSpec } from '../../../src/signature.ts';
import { attribute, graph, message, model, node, packed, tensor, value, varints } from './onnx-file.ts';

const outputs = (...made: [name: string, datatype: Datatype, width: number][]): TensorSpec[] => {
  let column = 0;
  return made.map(([name, datatype, width]) => {
    const spec = { name, datatype, shape: width === 1 ? [-1] : [-1, width], column, width };
    column += width;
    return spec;
  });
};
const none: ReadonlySet<string> = new Set();
const graphOf = (...parts: Parameters<typeof message>) => readModel(model(graph(2, ...parts))).graph;
const plain = graphOf(node('Identity', ['X'], ['Y']));
const softmax = graphOf(node('Gemm', ['X'], ['Z']), node('Softmax', ['Z'], ['Y']));

/** As skl2onnx writes neighbours, votes and stacks. */
const picks = (list: Uint8Array, finds = 'ArgMax') =>
  graphOf(
    [5, list],
    node(finds, ['X'], ['best']),
    node('ArrayFeatureExtractor', ['list', 'best'], ['picked'], [7, 'ai.onnx.ml']),
    node('Identity', ['picked'], ['Y']),
  );
const texts = message([1, varints(2)], [2, 8], [8, 'list'], [6, 'ham'], [6, 'spam']);

describe('class labels', () => {
  test.each([
    ['of texts', picks(texts), ['ham', 'spam']],
    [
      'of whole numbers',
      picks(message([1, varints(3)], [2, 7], [7, packed([-1, 0, 1])], [8, 'list'])),
      [-1, 0, 1],
    ],
    [
      'of raw whole numbers',
      picks(
        message([1, varints(2)], [2, 7], [8, 'list'], [9, new Uint8Array(BigInt64Array.of(4n, -9n).buffer)]),
      ),
      [4, -9],
    ],
    [
      'of raw short whole numbers',
      picks(message([1, varints(2)], [2, 6], [8, 'list'], [9, new Uint8Array(Int32Array.of(4, -9).buffer)])),
      [4, -9],
    ],
    ['that only picks the neighbours’ labels: none', picks(texts, 'TopK'), null],
    [
      'that repeats itself: none',
      picks(message([1, varints(2)], [2, 7], [7, packed([1, 1])], [8, 'list'])),
      null,
    ],
    ['of floats: none', picks(tensor('list', [2], [4, new Uint8Array(8)])), null],
  ])('from a list %s', (_, of, labels) => {
    expect(classLabels(of)).toEqual(labels);
  });

  test('from a classifier’s attributes', () => {
    const named = (name: string, ...parts: Parameters<typeof message>) =>
      classLabels(graphOf(node('LinearClassifier', ['X'], ['Y'], attribute(name, ...parts))));
    expect(named('classlabels_strings', [9, 'a'], [9, 'b'])).toEqual(['a', 'b']);
    expect(named('classlabels_ints', [8, packed([3, 5])])).toEqual([3, 5]);
    expect(named('classlabels_int64s', [8, packed([-1, 1])])).toEqual([-1, 1]);
    expect(classLabels(plain)).toBeNull();
  });
});

describe('the answer', () => {
  test('is what is called so, or made by a Softmax, or as wide as the labels', () => {
    const three = { task: 'multiclass', classes: [0, 1, 2] };
    expect(answerOf(plain, outputs(['logits', 'FP32', 3], ['probs', 'FP32', 3]), none, {}, 'm')).toEqual({
      ...three,
      answer: { column: 3, width: 3 },
    });
    expect(answerOf(softmax, outputs(['hidden', 'FP32', 8], ['Y', 'FP32', 3]), none, {}, 'm')).toEqual({
      ...three,
      answer: { column: 8, width: 3 },
    });
    expect(
      answerOf(
        plain,
        outputs(['label', 'INT64', 1], ['out', 'FP32', 3]),
        none,
        { classes: ['a', 'b', 'c'] },
        'm',
      ),
    ).toEqual({ task: 'multiclass', classes: ['a', 'b', 'c'], answer: { column: 1, width: 3 } });
    expect(answerOf(picks(texts), outputs(['label', 'BYTES', 1], ['out', 'FP32', 2]), none, {}, 'm')).toEqual(
      {
        task: 'binary',
        classes: ['ham', 'spam'],
        answer: { column: 2, width: 1, label: { column: 0, holds: 'index' } },
      },
    );
  });

  test('of one column is a value, or the second class’s probability', () => {
    const one = outputs(['out', 'FP32', 1]);
    const answer = { column: 0, width: 1 };
    expect(answerOf(plain, one, none, {}, 'm')).toEqual({ task: 'regression', answer });
    expect(answerOf(plain, one, none, { classes: ['no', 'yes'] }, 'm')).toEqual({
      task: 'binary',
      classes: ['no', 'yes'],
      answer,
    });
    expect(answerOf(picks(texts), outputs(['label', 'BYTES', 1], ['p', 'FP32', 1]), none, {}, 'm')).toEqual({
      task: 'binary',
      classes: ['ham', 'spam'],
      answer: { column: 1, width: 1, label: { column: 0, holds: 'index' } },
    });
    expect(answerOf(plain, outputs(['count', 'INT64', 1]), none, {}, 'm')).toEqual({
      task: 'regression',
      answer,
    });
  });

  test('knows scores from probabilities, and the model’s own label', () => {
    const made = outputs(['label', 'INT64', 1], ['probabilities', 'FP32', 2]);
    const list = message([1, varints(2)], [2, 7], [7, packed([3, 7])], [8, 'list']);
    const label = { column: 0, holds: 'class' };
    expect(answerOf(picks(list), made, none, {}, 'm').answer).toEqual({ column: 2, width: 1, label });
    const scores = new Set(['probabilities']);
    expect(answerOf(picks(list), made, scores, {}, 'm').answer).toEqual({
      column: 2,
      width: 1,
      scores: true,
      label,
    });
    // Labels that the user gives stand in the order of the columns; the graph's own are others.
    expect(answerOf(picks(list), made, none, { classes: ['a', 'b'] }, 'm').answer).toEqual({
      column: 2,
      width: 1,
    });
    const single = outputs(['label', 'INT64', 1], ['score', 'FP32', 1]);
    expect(answerOf(picks(list), single, new Set(['score']), {}, 'm')).toEqual({
      task: 'binary',
      classes: [3, 7],
      answer: { column: 1, width: 1, scores: true, label },
    });
  });

  test.each([
    ['several labels a row', plain, outputs(['label', 'INT64', 2], ['probabilities', 'FP32', 2])],
    ['numbers without a name', plain, outputs(['out', 'FP32', 5])],
    ['labels only', picks(texts), outputs(['label', 'BYTES', 1])],
    ['text without names', plain, outputs(['label', 'BYTES', 1], ['probabilities', 'FP32', 2])],
    ['whole numbers of many kinds', plain, outputs(['a', 'INT64', 1], ['b', 'BOOL', 1])],
  ])('is not guessed: %s', (_, of, specs) => {
    expect(answerOf(of, specs, none, {}, 'm.onnx')).toEqual({ task: 'other', answer: null });
  });

  test.each([
    ['too few columns', plain, outputs(['p', 'FP32', 2]), { classes: ['a', 'b', 'c'] }],
    ['one column, three classes', plain, outputs(['p', 'FP32', 1]), { classes: ['a', 'b', 'c'] }],
  ])('is refused where it is not as the user said: %s', (_, of, specs, hints) => {
    expect(() => answerOf(of, specs, none, hints, 'm.onnx')).toThrow(
      expect.objectContaining({
        code: 'FILE_UNSUPPORTED',
        message: expect.stringContaining('Its outputs: "'),
      }),
    );
  });
});

test('inputs whose features would have one name are refused', () => {
  const twice = readModel(model(message([2, 'g'], value(11, 'X', 2), value(11, 'X_1', 1)))).graph;
  expect(() => inputsOf(twice, {}, 'm.onnx')).toThrow('input "X_1" would make a second feature "X_1"');
});

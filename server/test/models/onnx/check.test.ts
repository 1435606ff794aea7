import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SlipwayError } from '../../../src/errors.ts';
import { checkModel } from '../../../src/models/onnx/check.ts';
import { readModel } from '../../../src/models/onnx/graph.ts';
import { onnx } from '../../../src/models/onnx/onnx.ts';
import { treeFacts } from '../../../src/models/onnx/trees.ts';
import {
  attribute,
  elsewhere,
  floats,
  graph,
  message,
  model,
  node,
  opset,
  packed,
  tensor,
  varints,
} from './onnx-file.ts';

const models = new URL('../../../../spec/models/', import.meta.url).pathname;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-onnx-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What our own check says of a file, before a runtime sees it: null if nothing. */
function refusal(bytes: Uint8Array): { code: string; message: string } | null {
  try {
    checkModel(readModel(bytes), 'm.onnx');
    return null;
  } catch (error) {
    if (error instanceof SlipwayError) return { code: error.code, message: error.message };
    if (error instanceof RangeError) return { code: 'FILE_BROKEN', message: error.message };
    throw error;
  }
}
async function run(bytes: Uint8Array, rows: number[]): Promise<number[]> {
  const path = join(folder, 'm.onnx');
  writeFileSync(path, bytes);
  const { program, signature } = await onnx.prepare({ main: 'm.onnx', path }, {});
  const attached = await onnx.attach(program, signature);
  const answers = new Float64Array(rows.length / 2);
  await attached.predict(
    { rows: rows.length / 2, width: 2, values: Float64Array.from(rows), texts: [] },
    answers,
    [],
  );
  await attached.close?.();
  return [...answers];
}

const identity = node('Identity', ['X'], ['Y']);
const external = tensor('w', [2], ...elsewhere('/etc/passwd'));
const sparse = message([1, external], [2, tensor('at', [2], floats(0, 1))], [3, 2]);

describe('data in another file is refused wherever it hides', () => {
  const inner = graph(2, [5, external]);
  test.each([
    ['an initializer', graph(2, identity, [5, external])],
    ['an initializer that does not say so twice', graph(2, identity, [5, tensor('w', [2], [14, 1])])],
    ['a sparse initializer', graph(2, identity, [15, sparse])],
    ['a constant', graph(2, node('Constant', [], ['Y'], attribute('value', [5, external])))],
    ['a list of tensors', graph(2, node('Constant', [], ['Y'], attribute('values', [10, external])))],
    ['a sparse constant', graph(2, node('Constant', [], ['Y'], attribute('sparse_value', [22, sparse])))],
    ['a branch', graph(2, node('If', ['X'], ['Y'], attribute('then_branch', [6, inner])))],
    [
      'a branch of a branch',
      graph(
        2,
        node(
          'If',
          ['X'],
          ['Y'],
          attribute('g', [11, graph(2, node('If', ['X'], ['Y'], attribute('g', [6, inner])))]),
        ),
      ),
    ],
  ])('%s', (_, bytes) => {
    expect(refusal(model(bytes))).toMatchObject({
      code: 'FILE_UNSAFE',
      message: expect.stringContaining('another file, which Slipway does not open'),
    });
  });

  test('a second graph, which a runtime would merge with the first', () => {
    const bytes = model(graph(2, identity, [5, external]), [7, graph(2, identity)]);
    expect(refusal(bytes)).toMatchObject({ message: 'it holds two graphs' });
  });
});

describe('sizes that lie', () => {
  test.each([
    ['negative', tensor('w', [-1], floats()), 'negative dimension'],
    ['beyond all memory', tensor('w', [2 ** 40, 2 ** 40], floats(1)), 'more than 2147483648 values'],
    ['more than the bytes', tensor('w', [3], floats(1, 2)), 'says it has 3 values, but holds 8 bytes'],
    ['fewer than the bytes', tensor('w', [1], floats(1, 2)), 'says it has 1 values, but holds 8 bytes'],
    ['no data', tensor('w', [1000]), 'holds 0 bytes'],
    ['typed data', tensor('w', [1000], [4, new Uint8Array(8)]), 'holds 8 bytes'],
    ['strings', message([1, varints(9)], [2, 8], [8, 'w'], [6, 'a'], [6, 'b']), 'holds 2 bytes'],
  ])('%s', (_, bytes, says) => {
    expect(refusal(model(graph(2, identity, [5, bytes])))).toMatchObject({
      code: 'FILE_BROKEN',
      message: expect.stringContaining(says),
    });
  });

  test('honest ones pass', () => {
    for (const one of [
      tensor('w', [2, 2], floats(1, 2, 3, 4)),
      tensor('w', [0]),
      tensor('w', [], floats(1)),
      tensor('w', [2], [4, new Uint8Array(8)]),
      message([1, varints(2)], [2, 8], [8, 'w'], [6, 'a'], [6, 'b']),
    ])
      expect(refusal(model(graph(2, identity, [5, one])))).toBeNull();
  });
});

test.each([
  ['FILE_UNSUPPORTED', 'IR version 99', message([1, 99], [7, graph(2, identity)], opset('', 17))],
  ['FILE_UNSUPPORTED', 'opset 27', message([1, 8], [7, graph(2, identity)], opset('', 27))],
  [
    'FILE_UNSUPPORTED',
    'domain "my.own"',
    message([1, 8], [7, graph(2, identity)], opset('', 17), opset('my.own', 1)),
  ],
  [
    'FILE_UNSUPPORTED',
    'operators of its own (Twice)',
    model(graph(2, identity), [25, message([1, 'Twice'])]),
  ],
  ['FILE_BROKEN', 'no graph', message([1, 8], opset('', 17))],
  ['FILE_BROKEN', 'no operator set', message([1, 8], [7, graph(2, identity)])],
  ['FILE_BROKEN', 'of the wrong type', message([1, 8], [7, 1], opset('', 17))],
])('%s: %s', (code, says, bytes) => {
  expect(refusal(bytes)).toMatchObject({ code, message: expect.stringContaining(says) });
});

test('graphs within graphs end', () => {
  let inner = graph(2, identity);
  for (let depth = 0; depth < 100; depth++)
    inner = graph(2, node('If', ['X'], ['Y'], attribute('then_branch', [6, inner])));
  expect(refusal(model(inner))).toMatchObject({
    message: 'its graphs are nested more than 24 deep',
  });
});

describe('trees', () => {
  test('whose branches meet are measured in a moment', () => {
    // A way through 62 nodes, 2^62 ways in all.
    const list = (ints: number[]) => ({ ints, floats: [], strings: [], tensors: [], graphs: [] });
    const depth = 62;
    const next = Array.from({ length: depth }, (_, i) => i + 1);
    const one = new Array<number>(depth + 1).fill(0);
    const attributes = new Map(
      Object.entries({
        nodes_treeids: list(one),
        nodes_nodeids: list([0, ...next]),
        nodes_featureids: list(one),
        nodes_truenodeids: list([...next, 0]),
        nodes_falsenodeids: list([...next, 0]),
        nodes_values: { ...list([]), floats: one },
        nodes_modes: { ...list([]), strings: [...next.map(() => 'BRANCH_LEQ'), 'LEAF'] },
      }),
    );
    const ensemble = {
      op: 'TreeEnsembleRegressor',
      domain: 'ai.onnx.ml',
      inputs: [],
      outputs: [],
      attributes,
    };
    expect(treeFacts([ensemble])).toEqual({ trees: 1, leaves: 1, maxDepth: depth });
    expect(treeFacts([])).toEqual({});
  });

  const leaf = 'LEAF';
  const branch = 'BRANCH_LEQ';
  interface Tree {
    ids: number[];
    yes: number[];
    no: number[];
    features: number[];
    modes: string[];
    trees?: number[];
  }
  const sound: Tree = {
    ids: [0, 1, 2],
    yes: [1, 0, 0],
    no: [2, 0, 0],
    features: [1, 0, 0],
    modes: [branch, leaf, leaf],
  };
  const trees = (change: Partial<Tree>, input = 'X') => {
    const { ids, yes, no, features, modes, trees } = { ...sound, ...change };
    return node(
      'TreeEnsembleRegressor',
      [input],
      ['Y'],
      [7, 'ai.onnx.ml'],
      attribute('n_targets', [3, 1], [20, 2]),
      listed('nodes_treeids', trees ?? ids.map(() => 0)),
      listed('nodes_nodeids', ids),
      listed('nodes_truenodeids', yes),
      listed('nodes_falsenodeids', no),
      listed('nodes_featureids', features),
      attribute('nodes_modes', ...modes.map((mode): [number, string] => [9, mode]), [20, 8]),
      attribute('nodes_values', [7, new Uint8Array(Float32Array.of(0.5, 0, 0).buffer)], [20, 6]),
      listed('target_treeids', [0, 0]),
      listed('target_nodeids', [1, 2]),
      listed('target_ids', [0, 0]),
      attribute('target_weights', [7, new Uint8Array(Float32Array.of(10, 20).buffer)], [20, 6]),
    );
  };
  const listed = (name: string, values: number[]) => attribute(name, [8, packed(values)], [20, 7]);

  test('that are sound answer; packed lists are read', async () => {
    const bytes = model(graph(1, trees({})));
    expect(refusal(bytes)).toBeNull();
    expect(await run(bytes, [0, 0.25, 0, 0.75])).toEqual([10, 20]);
  });

  test.each<[string, Partial<Tree>]>([
    ['it reads feature 2 of 2', { features: [2, 0, 0] }],
    ['it reads feature 7000000 of 2', { features: [7_000_000, 0, 0] }],
    ['it reads feature -1 of 2', { features: [-1, 0, 0] }],
    ['leads to a node that is not there', { yes: [9, 0, 0] }],
    ['leads to a node that is not there', { trees: [0, 1, 1] }],
    ['walks in circles', { modes: [branch, branch, leaf], yes: [1, 2, 0], no: [2, 1, 0] }],
    ['walks in circles', { yes: [0, 0, 0] }],
    ['has two nodes 1', { ids: [0, 1, 1] }],
    ['different lengths', { features: [0] }],
  ])('are refused: %s', (says, change) => {
    expect(refusal(model(graph(1, trees(change))))).toMatchObject({
      code: 'FILE_BROKEN',
      message: expect.stringContaining(says),
    });
  });

  test('read features beyond what a step before them passes on', () => {
    const scaled = (change: Partial<Tree>) =>
      model(
        graph(
          1,
          node('Scaler', ['X'], ['s'], [7, 'ai.onnx.ml']),
          node('Identity', ['s'], ['t']),
          trees(change, 't'),
        ),
      );
    expect(refusal(scaled({}))).toBeNull();
    expect(refusal(scaled({ features: [2, 0, 0] }))).toMatchObject({
      message: expect.stringContaining('2 of 2'),
    });
  });

  test('in a branch are looked at, too', () => {
    const bytes = model(
      graph(1, node('If', ['X'], ['Y'], attribute('then_branch', [6, graph(1, trees({ yes: [0, 0, 0] }))]))),
    );
    expect(refusal(bytes)).toMatchObject({ message: expect.stringContaining('walks in circles') });
  });
});

test('a list may be longer than a call takes arguments', () => {
  const long = Array.from({ length: 300_000 }, (_, i) => i);
  const { graph: found } = readModel(
    model(graph(2, node('Constant', [], ['Y'], attribute('value_ints', [8, packed(long)])))),
  );
  expect(found.nodes[0]!.attributes.get('value_ints')!.ints).toEqual(long);
});

test('damaged files are refused with a reason, in bounded time', () => {
  const originals = [
    'sk_logit/model_zipmap.onnx',
    'onnx_loop_from_input/model.onnx',
    'sk_svm/model.onnx',
  ].map((name) => new Uint8Array(readFileSync(join(models, name))));
  fc.assert(
    fc.property(
      fc.constantFrom(...originals),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 }),
      fc.option(fc.nat()),
      (original, changes, cut) => {
        const bytes = original.slice(0, cut === null ? original.length : cut % original.length);
        for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
        const refused = refusal(bytes);
        if (refused) {
          expect(refused.code).toMatch(/^FILE_/);
          expect(refused.message.length).toBeGreaterThan(10);
        }
      },
    ),
    { seed: 3, numRuns: 3000 },
  );
});

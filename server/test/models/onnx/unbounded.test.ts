import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readModel } from '../../../src/models/onnx/graph.ts';
import { unboundedBy } from '../../../src/models/onnx/unbounded.ts';
import { inRepository } from '../../processes/harness.ts';
import { attribute, floats, graph, message, node, tensor } from './onnx-file.ts';

type Part = Parameters<typeof message>[number];

/** X [N, 2] → Y through these nodes; `sizes` is a constant. */
function found(...nodes: Part[]): string | null {
  const parts = graph(2, ...nodes, [5, tensor('sizes', [2], floats(1, 2))]);
  return unboundedBy(readModel(message([1, 8], [7, parts], [8, message([2, 17])])).graph);
}
/** A graph as an attribute. */
const body = (name: string, inputs: string[], ...nodes: Part[]): Part =>
  attribute(name, [
    6,
    message(...nodes, [2, 'body'], ...inputs.map((input): Part => [11, message([1, input])])),
  ]);

test('of the project’s graphs only those with a Loop', () => {
  const folder = inRepository('spec/models');
  const names = readdirSync(folder).filter((name) => /^(onnx|sk)_/.test(name));
  expect(names.length).toBeGreaterThan(20);
  const unbounded = names.filter((name) => {
    const file = new Uint8Array(readFileSync(`${folder}/${name}/model.onnx`));
    return unboundedBy(readModel(file).graph) !== null;
  });
  expect(unbounded).toEqual(['onnx_loop_from_input']);
});

test('sizes of constants and of shapes are bounded, sizes of values are not', () => {
  expect(found(node('Tile', ['X', 'sizes'], ['Y']))).toBeNull();
  expect(found(node('Shape', ['X'], ['s']), node('Expand', ['X', 's'], ['Y']))).toBeNull();
  expect(found(node('Cast', ['X'], ['i']), node('Tile', ['X', 'i'], ['Y']))).toBe('Tile');
  expect(
    found(
      node('Abs', ['X'], ['a']),
      node('Gather', ['a', 'sizes'], ['g']),
      node('Range', ['sizes', 'g', 'sizes'], ['Y']),
    ),
  ).toBe('Range');
  expect(
    found(
      node('Shape', ['X'], ['s']),
      node('Cast', ['X'], ['i']),
      node('Add', ['s', 'i'], ['n']),
      node('ConstantOfShape', ['n'], ['Y']),
    ),
  ).toBe('ConstantOfShape');
});

test('bodies are looked into, and what comes out of them depends on values', () => {
  expect(found(node('Loop', ['sizes', '', 'X'], ['Y'], body('body', [])))).toBe('Loop');
  expect(found(node('If', ['c'], ['Y'], body('then_branch', [], node('Loop', ['', '', 'X'], ['y']))))).toBe(
    'Loop in If',
  );
  expect(
    found(node('Scan', ['X'], ['Y'], body('body', ['row'], node('Expand', ['sizes', 'row'], ['y'])))),
  ).toBe('Expand in Scan');
  const scan = node('Scan', ['sizes'], ['n'], body('body', ['row'], node('Identity', ['row'], ['y'])));
  expect(found(scan, node('Tile', ['X', 'n'], ['Y']))).toBe('Tile');
});

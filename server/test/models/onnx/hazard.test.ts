import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readModel } from '../../../src/models/onnx/graph.ts';
import { hazardOf } from '../../../src/models/onnx/hazard.ts';
import { inRepository } from '../../processes/harness.ts';
import { attribute, floats, graph, message, node, tensor, varints } from './onnx-file.ts';

type Part = Parameters<typeof message>[number];

/** X [N, 2] → Y through these nodes; `sizes` is a constant. */
function found(...nodes: Part[]): string | null {
  const whole = (name: string, ...values: number[]): Part => [
    5,
    message([1, varints(values.length)], [2, 7], [7, varints(...values)], [8, name]),
  ];
  const parts = graph(
    2,
    ...nodes,
    [5, tensor('sizes', [2], floats(1, 2))],
    whole('two', 2),
    whole('minus', 2, -1),
  );
  return hazardOf(readModel(message([1, 8], [7, parts], [8, message([2, 17])])).graph);
}
const endless = (op: string): string => `its ${op} may take as long as a row makes it`;
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
  const alone = names.filter((name) => {
    const file = new Uint8Array(readFileSync(`${folder}/${name}/model.onnx`));
    return hazardOf(readModel(file).graph) !== null;
  });
  expect(alone).toEqual(['onnx_loop_from_input']);
});

test('sizes of constants and of shapes are bounded, sizes of values are not', () => {
  expect(found(node('Tile', ['X', 'sizes'], ['Y']))).toBeNull();
  expect(found(node('Shape', ['X'], ['s']), node('Expand', ['X', 's'], ['Y']))).toBeNull();
  expect(found(node('Cast', ['X'], ['i']), node('Tile', ['X', 'i'], ['Y']))).toBe(endless('Tile'));
  expect(
    found(
      node('Abs', ['X'], ['a']),
      node('Gather', ['a', 'sizes'], ['g']),
      node('Range', ['sizes', 'g', 'sizes'], ['Y']),
    ),
  ).toBe(endless('Range'));
  expect(
    found(
      node('Shape', ['X'], ['s']),
      node('Cast', ['X'], ['i']),
      node('Add', ['s', 'i'], ['n']),
      node('ConstantOfShape', ['n'], ['Y']),
    ),
  ).toBe(endless('ConstantOfShape'));
});

test('bodies are looked into, and what comes out of them depends on values', () => {
  expect(found(node('Loop', ['sizes', '', 'X'], ['Y'], body('body', [])))).toBe(endless('Loop'));
  expect(found(node('If', ['c'], ['Y'], body('then_branch', [], node('Loop', ['', '', 'X'], ['y']))))).toBe(
    endless('Loop'),
  );
  expect(
    found(node('Scan', ['X'], ['Y'], body('body', ['row'], node('Expand', ['sizes', 'row'], ['y'])))),
  ).toBe(endless('Expand'));
  const scan = node('Scan', ['sizes'], ['n'], body('body', ['row'], node('Identity', ['row'], ['y'])));
  expect(found(scan, node('Tile', ['X', 'n'], ['Y']))).toBe(endless('Tile'));
});

test('whole numbers of a caller are not divided by what may be -1: the processor ends the process for the least of them', () => {
  const cast = (type: number, from: string, to: string): Part =>
    node('Cast', [from], [to], attribute('to', [3, type], [20, 2]));
  const [i, j] = [cast(7, 'X', 'i'), cast(6, 'X', 'j')];
  const traps = (op: string): string => `its ${op} of whole numbers ends the process for some rows`;
  expect(found(i, node('Div', ['i', 'i'], ['Y']))).toBe(traps('Div'));
  expect(found(j, node('Mod', ['j', 'j'], ['Y']))).toBe(traps('Mod'));
  expect(found(i, node('Div', ['two', 'i'], ['Y']))).toBe(traps('Div'));
  expect(found(i, node('Div', ['i', 'minus'], ['Y']))).toBe(traps('Div'));
  // Numbers of other types, and other divisors, do not trap.
  expect(found(node('Div', ['X', 'X'], ['Y']))).toBeNull();
  expect(found(cast(5, 'X', 'k'), node('Div', ['k', 'k'], ['Y']))).toBeNull();
  expect(found(i, node('Div', ['i', 'two'], ['Y']))).toBeNull();
  expect(found(node('Div', ['two', 'minus'], ['Y']))).toBeNull();
  // Types are followed through operators and bodies.
  const most = node('ArgMax', ['X'], ['at'], attribute('axis', [3, 1], [20, 2]));
  expect(found(most, node('Add', ['at', 'two'], ['k']), node('Mod', ['at', 'k'], ['Y']))).toBe(traps('Mod'));
  expect(
    found(i, node('Cast', ['i'], ['f'], attribute('to', [3, 1], [20, 2])), node('Div', ['f', 'f'], ['Y'])),
  ).toBeNull();
  expect(found(i, node('Scan', ['i'], ['Y'], body('body', ['row'], node('Div', ['i', 'i'], ['y']))))).toBe(
    traps('Div'),
  );
  const branch = message(
    node('Cast', ['X'], ['y'], attribute('to', [3, 7], [20, 2])),
    [2, 'b'],
    [12, message([1, 'y'])],
  );
  expect(
    found(node('If', ['c'], ['k'], attribute('then_branch', [6, branch])), node('Div', ['k', 'k'], ['Y'])),
  ).toBe(traps('Div'));
});

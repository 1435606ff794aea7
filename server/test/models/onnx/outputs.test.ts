import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { onnx } from '../../../src/models/onnx/onnx.ts';
import { answerWidth } from '../../../src/signature.ts';
import { newFrame } from '../../../src/tensor.ts';
import { attribute, message, model, node } from './onnx-file.ts';

type Part = Parameters<typeof message>[number];

const folder = mkdtempSync(join(tmpdir(), 'slipway-outputs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A float tensor's type; `N` for rows. */
const tensorType = (dims: ('N' | number)[]) =>
  message([
    1,
    message(
      [1, 1],
      [2, message(...dims.map((dim): Part => [1, message(dim === 'N' ? [2, dim] : [1, dim])]))],
    ),
  ]);
const listType = (dims: ('N' | number)[]) => message([4, message([1, tensorType(dims)])]);
const value = (field: 11 | 12, name: string, type: Uint8Array): Part => [
  field,
  message([1, name], [2, type]),
];

const int = (name: string, one: number): Part => attribute(name, [3, one], [20, 2]);
/** The sum of all numbers, whatever the rows: one number. */
const total = node('ReduceMax', ['X'], ['total'], int('keepdims', 0));

/** Prepares a graph of X, of these dimensions. */
function prepare(dims: ('N' | number)[], ...parts: Part[]) {
  const path = join(folder, 'model.onnx');
  writeFileSync(path, model(message(...parts, [2, 'g'], value(11, 'X', tensorType(dims)))));
  return onnx.prepare({ main: 'model.onnx', path }, {});
}

test('those without a value a row are left out and said', async () => {
  const { signature, facts } = await prepare(
    ['N', 2],
    node('Atan', ['X'], ['Y']),
    total,
    node('SequenceConstruct', ['X', 'Y'], ['list']),
    value(12, 'total', tensorType([])),
    value(12, 'list', listType(['N', 2])),
    value(12, 'Y', tensorType(['N', 2])),
  );
  expect(signature.outputs).toEqual([{ name: 'Y', datatype: 'FP32', shape: [-1, 2], column: 0, width: 2 }]);
  expect(facts.notServed).toBe('"total" has the shape [] for 3 rows; "list" is a list or a map, no tensor');
});

test('a graph that has no other is refused, with what its outputs are and what to do', async () => {
  await expect(prepare(['N', 2], total, value(12, 'total', tensorType([])))).rejects.toMatchObject({
    code: 'FILE_UNSUPPORTED',
    message: expect.stringContaining('no output with a value a row: "total" has the shape [] for 3 rows'),
  });
});

test('of a graph that takes one row, all that it answers is that row’s', async () => {
  const { program, signature, facts } = await prepare(
    [1, 2],
    node('Atan', ['X'], ['angles']),
    node('Squeeze', ['angles'], ['Y']),
    total,
    value(12, 'total', tensorType([])),
    value(12, 'Y', tensorType([2])),
  );
  expect(facts).not.toHaveProperty('notServed');
  expect(signature.outputs.map(({ name, shape }) => [name, shape])).toEqual([
    ['total', [-1]],
    ['Y', [-1, 2]],
  ]);
  const attached = await onnx.attach(program, signature);
  const frame = newFrame(2, 2);
  frame.values.set([1, 2, 4, 3]);
  const answers = new Float64Array(2 * answerWidth(signature));
  await attached.predict(frame, answers, []);
  await attached.close?.();
  const atan = (x: number) => expect.closeTo(Math.atan(x), 6);
  expect([...answers]).toEqual([2, atan(1), atan(2), 4, atan(4), atan(3)]);
});

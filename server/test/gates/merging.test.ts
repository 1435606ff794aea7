import { expect, test } from 'vitest';
import { mergingGate } from '../../src/gates/merging.ts';
import { rowsFor } from '../../src/gates/timing.ts';
import { kindNamed } from '../../src/models/kinds.ts';
import { inRepository } from '../processes/harness.ts';

const onnx = kindNamed('onnx');

/** A network on onnxruntime whose rows do not see each other, as if a row of it took so long. */
async function gateAt(milliseconds: number) {
  const path = inRepository('spec/models/onnx_cnn/model.onnx');
  const { signature, program } = await onnx.prepare({ main: 'model.onnx', path }, {});
  const model = await onnx.attach(program, signature);
  const timing = { single: milliseconds * 1000, batch: milliseconds * 100, batchRows: 10 };
  const found = await mergingGate(model, 'runtime', await rowsFor(model), timing, onnx.tolerance);
  await model.close?.();
  return found.merging;
}

test('a busy machine does not make rows inseparable: two are compared however slow they are', async () => {
  expect(await gateAt(0.1)).toBe('pays');
  expect(await gateAt(400)).toBe('pays');
});

test('nobody waits for a minute to know', async () => {
  expect(await gateAt(10_000)).toBe('unsafe');
});

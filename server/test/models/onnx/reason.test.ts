import { expect, test } from 'vitest';
import { reasonOf, refusesRow } from '../../../src/models/onnx/reason.ts';

/** As onnxruntime 1.30 says it. */
const beyond = new Error(
  "Non-zero status code returned while running Gather node. Name:'' Status Message: indices element out of data bounds, idx=7 must be within the inclusive range [-3,2]",
);
const zero = new Error(
  "Non-zero status code returned while running Div node. Name:'' Status Message: element_wise_ops.cc:692 Compute Integer division by zero",
);
const memory = new Error(
  "Non-zero status code returned while running Tile node. Name:'' Status Message: /onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:376 void* onnxruntime::BFCArena::AllocateRawInternal(size_t, bool) Failed to allocate memory for requested buffer of size 4000000000000",
);
const input = new Error('Got invalid dimensions for input: X for the following indices');

test('what an operator makes of a row’s values is the row’s fault, what the machine has not is not', () => {
  expect([beyond, zero, memory, input].map(refusesRow)).toEqual([true, true, false, false]);
});

test('the reason is one line without onnxruntime’s own paths and signatures', () => {
  expect(reasonOf(beyond)).toBe(
    'Gather: indices element out of data bounds, idx=7 must be within the inclusive range [-3,2]',
  );
  expect(reasonOf(memory)).toBe('Tile: Failed to allocate memory for requested buffer of size 4000000000000');
});

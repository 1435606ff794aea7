import type { Signature } from '../../src/signature.ts';

/** A number and a text a row, two numbers back: what tests of the ways to a slow model let their models take. */
export const signature: Signature = {
  task: 'regression',
  features: [
    { name: 'x', type: 'number' },
    { name: 't', type: 'string' },
  ],
  inputs: [],
  outputs: [{ name: 'y', datatype: 'FP64', shape: [-1, 2], column: 0, width: 2 }],
  answer: { column: 0, width: 1 },
  missingAllowed: true,
};

/** A row with this number fails its whole call. */
export const poison = -1;

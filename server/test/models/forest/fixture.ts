import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Frame } from '../../../src/tensor.ts';

/** Path of a file under spec/. */
export const spec = (path: string): string =>
  fileURLToPath(new URL(`../../../../spec/${path}`, import.meta.url));

interface GoldenTensor {
  name: string;
  shape: number[];
  data: unknown[];
}

/** The rows of a golden.json and, by name, its expected outputs, flat and row-major. */
export function golden(folder: string): { frame: Frame; outputs: Map<string, Float64Array> } {
  const file = JSON.parse(readFileSync(spec(`${folder}/golden.json`), 'utf8')) as {
    inputs: GoldenTensor[];
    outputs: GoldenTensor[];
  };
  // JSON has no NaN or Infinity: there they are texts.
  const flat = (tensor: GoldenTensor) => Float64Array.from(tensor.data.flat() as (number | string)[], Number);
  const [x] = file.inputs;
  return {
    frame: { rows: x!.shape[0]!, width: x!.shape[1]!, values: flat(x!), texts: [] },
    outputs: new Map(file.outputs.map((tensor) => [tensor.name, flat(tensor)])),
  };
}

export const frameOf = (width: number, values: Float64Array): Frame => ({
  rows: values.length / width,
  width,
  values,
  texts: [],
});

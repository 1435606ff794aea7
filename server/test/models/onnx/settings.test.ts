import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { onnx } from '../../../src/models/onnx/onnx.ts';
import {
  defaultSettings,
  optimizations,
  splitSettings,
  withSettings,
} from '../../../src/models/onnx/settings.ts';
import { newFrame } from '../../../src/tensor.ts';

const path = new URL('../../../../spec/models/onnx_mlp/model.onnx', import.meta.url).pathname;
const prepare = (settings: Parameters<typeof onnx.prepare>[1]['onnx']) =>
  onnx.prepare({ main: 'model.onnx', path }, settings ? { onnx: settings } : {});

/** Threads of this process, where the system tells. */
const threads = (): number => readdirSync('/proc/self/task').length;

test('are kept in the program, behind which the file lies as it was', () => {
  const file = Uint8Array.of(8, 10, 18, 0);
  expect(withSettings(file, defaultSettings)).toBe(file);
  expect(splitSettings(file)).toEqual({ file, settings: defaultSettings });
  for (const optimization of optimizations) {
    const settings = { threads: 7, optimization };
    const kept = Buffer.concat([new Uint8Array(3), withSettings(file, settings)]).subarray(3);
    const { file: found, settings: read } = splitSettings(kept);
    expect([...found]).toEqual([...file]);
    expect(read).toEqual(settings);
  }
});

test('are said of the version, and answer the same', async () => {
  const plain = await prepare(undefined);
  expect(plain.facts).toMatchObject({ runsOn: 'onnxruntime', threads: 1, optimization: 'all' });
  const chosen = await prepare({ threads: 2, optimization: 'disabled' });
  expect(chosen.facts).toMatchObject({ runsOn: 'onnxruntime', threads: 2, optimization: 'disabled' });
  const answers: Float64Array[] = [];
  for (const { program, signature } of [plain, chosen]) {
    const model = await onnx.attach(program, signature);
    const frame = newFrame(2, signature.features.length);
    frame.values.forEach((_, i) => {
      frame.values[i] = (i % 7) - 3;
    });
    answers.push(new Float64Array(2 * signature.outputs.reduce((sum, { width }) => sum + width, 0)));
    await model.predict(frame, answers.at(-1)!, []);
    await model.close?.();
  }
  for (const [i, answer] of answers[0]!.entries()) expect(answers[1]![i]).toBeCloseTo(answer, 5);
});

test.runIf(process.platform === 'linux')('threads are those that were asked for', async () => {
  const { program, signature } = await prepare({ threads: 4 });
  const before = threads();
  const model = await onnx.attach(program, signature);
  expect(threads() - before).toBe(3);
  await model.close?.();
});

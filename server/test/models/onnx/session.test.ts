import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Model } from '../../../src/models/model.ts';
import { onnx } from '../../../src/models/onnx/onnx.ts';
import { answerWidth } from '../../../src/signature.ts';
import { type Frame, newFrame } from '../../../src/tensor.ts';
import { ofInteger, toInteger } from '../../../src/texts.ts';

const models = new URL('../../../../spec/models/', import.meta.url).pathname;
async function attached(name: string): Promise<Model> {
  const { program, signature } = await onnx.prepare(
    { main: 'model.onnx', path: `${models}${name}/model.onnx` },
    {},
  );
  return onnx.attach(program, signature);
}
function frameOf(width: number, ...rows: number[][]): Frame {
  const frame = newFrame(rows.length, width);
  for (const [i, row] of rows.entries()) frame.values.set(row, i * width);
  return frame;
}
async function ask(model: Model, frame: Frame): Promise<number[][]> {
  const width = answerWidth(model.signature);
  const answers = new Float64Array(frame.rows * width);
  await model.predict(frame, answers, []);
  return Array.from({ length: frame.rows }, (_, row) => [
    ...answers.subarray(row * width, (row + 1) * width),
  ]);
}

describe('whole numbers', () => {
  test('of 64 bits pass through to the last digit; missing is 0; what is beyond is cut to the range', async () => {
    const model = await attached('onnx_int64_bool');
    const echoOf = async (counts: number[], texts: string[] = []) => {
      const answers = new Float64Array(6);
      const answerTexts: string[] = [];
      await model.predict({ ...frameOf(5, [...counts, 1, 0]), texts }, answers, answerTexts);
      // probability, total, any_flag, echo
      return Array.from(answers.subarray(3), (value) => toInteger(value, answerTexts));
    };
    expect(await echoOf([-5, 2 ** 52, Number.NaN])).toEqual([-5n, 2n ** 52n, 0n]);
    expect(await echoOf([2 ** 63, -(2 ** 63), 7])).toEqual([2n ** 63n - 1n, -(2n ** 63n), 7n]);
    const texts: string[] = [];
    const counts = [2n ** 53n + 1n, -(2n ** 63n), 2n ** 63n - 1n];
    const columns = counts.map((count) => ofInteger(count, texts));
    expect(texts).toHaveLength(3);
    expect(await echoOf(columns, texts)).toEqual(counts);
    await model.close?.();
  });
});

test('texts go in as text, and text labels come out as classes', async () => {
  const model = await attached('onnx_strings');
  const texts = ['alcohol and flavanoids of wines', 'tumors, malignant and benign', ''];
  const answers = await ask(model, { ...frameOf(1, [0], [1], [2]), texts });
  expect(answers.slice(0, 2).map(([label]) => model.signature.classes![label!])).toEqual(['wine', 'cancer']);
  expect(answers[2]!.slice(1).reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 6);
  await model.close?.();
});

test('a text that onnxruntime would cut is refused, in any row', async () => {
  const model = await attached('onnx_strings');
  const texts = ['alcohol and flavanoids of wines', 'alcohol\0 and flavanoids of wines'];
  const answers = new Float64Array(2 * answerWidth(model.signature));
  await expect(model.predict({ ...frameOf(1, [0], [1]), texts }, answers, [])).rejects.toMatchObject({
    code: 'FEATURE_MISTYPED',
  });
  await model.close?.();
});

test('a graph of one row at once takes many, and has copied them before it first waits', async () => {
  const model = await attached('onnx_fixed1');
  expect(model.signature.rowsAtOnce).toBe(1);
  const frame = frameOf(64, ...[0, 0.5, 1].map((x) => Array.from({ length: 64 }, (_, i) => x * (i % 3))));
  const wanted = await ask(model, { ...frame, values: frame.values.slice() });
  const answers = new Float64Array(3 * 20);
  const waiting = model.predict(frame, answers, []);
  frame.values.fill(9);
  await waiting;
  expect([...answers]).toEqual(wanted.flat());
  await model.close?.();
});

test('answers to requests that overlap do not mix', async () => {
  const model = await attached('sk_logit');
  const golden = JSON.parse(readFileSync(`${models}sk_logit/golden.json`, 'utf8')) as {
    inputs: { data: number[][] }[];
  };
  const rows = golden.inputs[0]!.data.slice(0, 8);
  const alone = [];
  for (const row of rows) alone.push((await ask(model, frameOf(30, row)))[0]);
  const together = await Promise.all(rows.map((row) => ask(model, frameOf(30, row))));
  expect(together.map(([answer]) => answer)).toEqual(alone);
  await model.close?.();
});

test('sessions that come and go give their memory back', async () => {
  const { program, signature } = await onnx.prepare(
    { main: 'model.onnx', path: `${models}sk_forest/model.onnx` },
    {},
  );
  const frame = newFrame(4, 64);
  const churn = async (times: number): Promise<number> => {
    for (let i = 0; i < times; i++) {
      const model = await onnx.attach(program, signature);
      await ask(model, frame);
      await model.close?.();
    }
    return process.memoryUsage.rss();
  };
  const settled = await churn(40);
  const grown = (await churn(120)) - settled;
  // Unreleased they would hold 120 forests of more than 1 MB.
  expect(grown / 2 ** 20).toBeLessThan(60);
});

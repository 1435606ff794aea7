/**
 * µs a row of ONNX graphs as Slipway serves them, compiled, beside onnxruntime-node on the same file, by turns, one
 * thread: 10,000 distinct rows singly (each asked and answered before the next) and in batches of 1,000. Every answer of
 * every run is compared: to the bit, or within 1e-5 of the output's greatest, because onnxruntime itself sums a single row in another order than a
 * batch.
 *
 *   node bench/onnx.ts [model.onnx …]
 */
import { readFileSync } from 'node:fs';
import { readGolden } from '../server/src/gates/golden.ts';
import type { Model } from '../server/src/models/model.ts';
import { readModel } from '../server/src/models/onnx/graph.ts';
import { onnx } from '../server/src/models/onnx/onnx.ts';
import { OnnxSession, openSession } from '../server/src/models/onnx/session.ts';
import { cutZipMaps } from '../server/src/models/onnx/zip-map.ts';
import { answerWidth, type Signature } from '../server/src/signature.ts';
import { type Frame, newFrame } from '../server/src/tensor.ts';
import { normal, seeded } from '../server/test/models/forest/random-forest.ts';

const rows = 10_000;
const batch = 1_000;
const rounds = 5;
const models = new URL('../spec/models/', import.meta.url).pathname;

/** Rows about the fixture's golden ones, all distinct. */
function rowsFor(file: string, signature: Signature): Frame {
  const golden = readGolden(
    readFileSync(file.replace(/[^/]*$/, 'golden.json'), 'utf8'),
    file,
    signature,
  ).frame;
  const random = seeded(1);
  const frame = newFrame(rows, golden.width);
  frame.texts = golden.texts;
  for (let i = 0; i < frame.values.length; i++) {
    const given = golden.values[Math.floor(random() * golden.rows) * golden.width + (i % golden.width)]!;
    const isText = signature.features[i % golden.width]!.type === 'string';
    frame.values[i] = isText
      ? given
      : Math.abs(given) < 1e6
        ? given + normal(random) * (0.01 + Math.abs(given) / 50)
        : 0;
  }
  return frame;
}

/** µs a row of one pass over all rows, so many at a time. */
async function pass(model: Model, frame: Frame, size: number, answers: Float64Array): Promise<number> {
  const width = answerWidth(model.signature);
  const part = { ...newFrame(size, frame.width), texts: frame.texts };
  const into = new Float64Array(size * width);
  const started = performance.now();
  for (let row = 0; row < rows; row += size) {
    part.values.set(frame.values.subarray(row * frame.width, (row + size) * frame.width));
    const waiting = model.predict(part, into, []);
    if (waiting) await waiting;
    answers.set(into, row * width);
  }
  return ((performance.now() - started) * 1000) / rows;
}

async function bench(file: string): Promise<void> {
  const { program, signature, facts } = await onnx.prepare({ main: file, path: file }, {});
  const bytes = new Uint8Array(readFileSync(file));
  const session = await openSession(cutZipMaps(bytes, readModel(bytes)) ?? bytes);
  const runtime = new OnnxSession(session, signature, Number.POSITIVE_INFINITY);
  const compiled = await onnx.attach(program, signature);
  const frame = rowsFor(file, signature);
  const width = answerWidth(signature);
  const [got, wanted] = [new Float64Array(rows * width), new Float64Array(rows * width)];
  const best = { compiled: [Infinity, Infinity], runtime: [Infinity, Infinity] };
  let exact = true;
  const greatest = new Float64Array(width);
  for (let round = -1; round < rounds; round++) {
    for (const [k, size] of [1, batch].entries()) {
      const times = {
        compiled: await pass(compiled, frame, size, got),
        runtime: await pass(runtime, frame, size, wanted),
      };
      for (const [i, one] of wanted.entries())
        if (Number.isFinite(one)) greatest[i % width] = Math.max(greatest[i % width]!, Math.abs(one));
      for (let i = 0; i < got.length; i++) {
        if (Object.is(got[i], wanted[i])) continue;
        exact = false;
        if (!(Math.abs(got[i]! - wanted[i]!) <= 1e-5 * greatest[i % width]!))
          throw new Error(`${file}: answer ${i} is ${got[i]}, not ${wanted[i]}`);
      }
      if (round < 0) continue;
      for (const who of ['compiled', 'runtime'] as const) best[who][k] = Math.min(best[who][k]!, times[who]);
    }
  }
  await runtime.close();
  const say = (k: number): string =>
    `${best.compiled[k]!.toFixed(2)} beside ${best.runtime[k]!.toFixed(2)} (${(best.runtime[k]! / best.compiled[k]!).toFixed(1)}×)`;
  console.log(
    `${file.split('/').slice(-2).join('/')}, ${facts.runsOn}: µs a fresh row ${say(0)}, a row in batches ${say(1)}; answers ${exact ? 'equal to the bit' : 'equal to float32 rounding'}`,
  );
}

const fixtures = [
  'sk_forest',
  'sk_gboost',
  'sk_histgb_missing',
  'sk_logit',
  'sk_multinomial',
  'sk_pipeline_mixed',
  'sk_mixed_encoders',
  'sk_poly_ridge',
  'sk_calibrated',
  'sk_one_vs_rest',
];
const given = process.argv.slice(2);
for (const file of given.length > 0 ? given : fixtures.map((name) => `${models}${name}/model.onnx`))
  await bench(file);

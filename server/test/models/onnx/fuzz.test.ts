import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SlipwayError } from '../../../src/errors.ts';
import { checkModel } from '../../../src/models/onnx/check.ts';
import { attachPlan } from '../../../src/models/onnx/compiled/attach.ts';
import { planGraph } from '../../../src/models/onnx/compiled/plan-graph.ts';
import { encodePlan } from '../../../src/models/onnx/compiled/program.ts';
import { readModel } from '../../../src/models/onnx/graph.ts';
import { onnx } from '../../../src/models/onnx/onnx.ts';
import { cutZipMaps } from '../../../src/models/onnx/zip-map.ts';
import { answerWidth } from '../../../src/signature.ts';
import { newFrame } from '../../../src/tensor.ts';
import { seeded } from '../forest/random-forest.ts';

const models = new URL('../../../../spec/models/', import.meta.url).pathname;
const cases = Number(process.env.FUZZ_CASES ?? 2000);
const sources = [
  'sk_gboost/model.onnx',
  'sk_logit/model_zipmap.onnx',
  'sk_pipeline_mixed/model.onnx',
  'sk_multinomial/model.onnx',
  'sk_ridge/model.onnx',
  'sk_calibrated/model.onnx',
  'sk_kbins/model.onnx',
  'sk_mixed_encoders/model.onnx',
  'sk_one_vs_rest/model.onnx',
  'sk_one_vs_one/model.onnx',
  'sk_bagging_columns/model.onnx',
  'sk_double_stack/model.onnx',
  'sk_isotonic/model.onnx',
  'sk_poly_ridge/model.onnx',
  'sk_power/model.onnx',
  'onnx_int64_bool/model.onnx',
];

/** One to four changed bytes, mostly small changes, and in a third of the cases a cut. */
function damage(bytes: Buffer, random: () => number): Buffer {
  const below = (n: number): number => Math.floor(random() * n);
  const damaged = Buffer.from(bytes);
  for (let k = 1 + below(4); k > 0; k--) {
    const at = below(damaged.length);
    damaged[at] = random() < 0.5 ? below(256) : damaged[at]! ^ (1 << below(8));
  }
  return random() < 1 / 3 ? damaged.subarray(0, below(damaged.length)) : damaged;
}

/** All that Slipway itself does with a file, up to where a runtime would see it. */
test(`${cases} damaged files are planned, left to the runtime or refused with a code, in bounded memory`, async () => {
  const random = seeded(11);
  const files = await Promise.all(
    sources.map(async (file) => {
      const { signature } = await onnx.prepare({ main: file, path: models + file }, {});
      return { signature, bytes: readFileSync(models + file) };
    }),
  );
  const before = Object.getOwnPropertyNames(Object.prototype).join();
  const memoryBefore = process.resourceUsage().maxRSS;
  const outcome = { planned: 0, left: 0, refused: 0 };
  for (let k = 0; k < cases; k++) {
    const { signature, bytes } = files[k % files.length]!;
    const damaged = new Uint8Array(damage(bytes, random));
    try {
      const model = readModel(damaged);
      checkModel(model, 'model.onnx');
      cutZipMaps(damaged, model);
      const plan = planGraph(model.graph, signature);
      outcome[plan ? 'planned' : 'left']++;
      if (!plan) continue;
      const attached = await attachPlan(encodePlan(plan), signature);
      const frame = newFrame(3, signature.features.length);
      frame.values.set([1e30, Number.NaN, -1].slice(0, frame.values.length));
      frame.texts.push('', 'low');
      const answers = new Float64Array(3 * answerWidth(signature) + 1).fill(7);
      await attached.predict(frame, answers, []);
      expect(answers.at(-1)).toBe(7);
    } catch (error) {
      outcome.refused++;
      if (error instanceof SlipwayError)
        expect(error.code).toMatch(/^(FILE_(BROKEN|UNSUPPORTED|UNSAFE)|FEATURE_MISTYPED)$/);
      else expect(error, `case ${k}`).toBeInstanceOf(RangeError);
    }
  }
  // Most damage hits weights: all outcomes must have been met often.
  for (const count of Object.values(outcome)) expect(count).toBeGreaterThan(cases / 20);
  expect(Object.getOwnPropertyNames(Object.prototype).join()).toBe(before);
  // maxRSS is in KiB: never 512 MiB more than at the beginning.
  expect(process.resourceUsage().maxRSS - memoryBefore).toBeLessThan(512 * 1024);
});

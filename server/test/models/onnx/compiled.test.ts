import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readGolden } from '../../../src/gates/golden.ts';
import { planGraph } from '../../../src/models/onnx/compiled/plan-graph.ts';
import { encodePlan, isCompiled } from '../../../src/models/onnx/compiled/program.ts';
import { agree } from '../../../src/models/onnx/compiled/proof.ts';
import { readModel } from '../../../src/models/onnx/graph.ts';
import { onnx } from '../../../src/models/onnx/onnx.ts';
import { OnnxSession, openSession } from '../../../src/models/onnx/session.ts';
import { cutZipMaps } from '../../../src/models/onnx/zip-map.ts';
import { answerWidth } from '../../../src/signature.ts';
import { newFrame } from '../../../src/tensor.ts';
import { normal, seeded } from '../forest/random-forest.ts';

const models = new URL('../../../../spec/models/', import.meta.url).pathname;
const files = readdirSync(models).flatMap((folder) =>
  ['model', 'model_zipmap']
    .map((name) => `${folder}/${name}.onnx`)
    .filter((file) => existsSync(models + file)),
);
const forests = [
  'sk_bagging_trees',
  'sk_double_stack',
  'sk_forest',
  'sk_voting_soft',
  'sk_gboost',
  'sk_gboost_reg',
  'sk_histgb_missing',
];
const linear = [
  'sk_bagging_columns',
  'sk_bagging_double',
  'sk_calibrated',
  'sk_double_bernoulli',
  'sk_double_frame',
  'sk_double_logit',
  'sk_double_poisson',
  'sk_glm_poisson',
  'sk_glm_tweedie',
  'sk_hinge',
  'sk_isotonic',
  'sk_kbins',
  'sk_logit',
  'sk_minmax_clip',
  'sk_mixed_encoders',
  'sk_multinomial',
  'sk_one_vs_one',
  'sk_one_vs_rest',
  'sk_onehot_strict',
  'sk_pca_white',
  'sk_pipeline_mixed',
  'sk_poisson',
  'sk_poly_ridge',
  'sk_power',
  'sk_ridge',
  'sk_ridge_classifier',
  'sk_sgd_log',
  'sk_target_encoder',
  'story_logit',
  'onnx_opset9',
];
const compiled = files.filter((file) => [...forests, ...linear].includes(file.split('/')[0]!));

const prepare = (file: string) => onnx.prepare({ main: file, path: models + file }, {});
const sessionOf = (file: string): Promise<Awaited<ReturnType<typeof openSession>>> => {
  const bytes = new Uint8Array(readFileSync(models + file));
  return openSession(cutZipMaps(bytes, readModel(bytes)) ?? bytes);
};

describe('graphs of trees and of linear models are compiled', () => {
  test.each(files)('%s', async (file) => {
    const folder = file.split('/')[0]!;
    const prepared = await prepare(file).catch((error: { code: string }) => error.code);
    if (typeof prepared === 'string') {
      expect([...forests, ...linear]).not.toContain(folder);
      return;
    }
    const runsOn = forests.includes(folder)
      ? 'compiled forest'
      : linear.includes(folder)
        ? 'compiled linear'
        : 'onnxruntime';
    expect(prepared.facts.runsOn).toBe(runsOn);
    expect(isCompiled(prepared.program)).toBe(runsOn !== 'onnxruntime');
    expect(onnx.runs(prepared.program)).toBe(runsOn === 'onnxruntime' ? 'runtime' : 'inline');
  });

  test.each(compiled)('%s answers as onnxruntime does, to the bit', async (file) => {
    const { program, signature, facts } = await prepare(file);
    const text = readFileSync(`${models}${file.split('/')[0]}/golden.json`, 'utf8').replaceAll(
      '"label"',
      `"${signature.outputs[0]!.name}"`,
    );
    const golden = readGolden(text, 'golden.json', signature).frame;
    // The golden rows with a little noise: values on both sides of every threshold, some missing.
    const random = seeded(5);
    const frame = newFrame(400, golden.width);
    frame.texts = golden.texts;
    for (let i = 0; i < frame.values.length; i++) {
      const given = golden.values[Math.floor(random() * golden.rows) * golden.width + (i % golden.width)]!;
      const isNumber = signature.features[i % golden.width]!.type === 'number';
      frame.values[i] = !isNumber || random() < 0.2 ? given : given * (1 + normal(random) / 50);
    }
    const width = answerWidth(signature);
    const [got, wanted] = [new Float64Array(400 * width), new Float64Array(400 * width)];
    const session = new OnnxSession(await sessionOf(file), signature, Number.POSITIVE_INFINITY);
    await session.predict(frame, wanted, []);
    await session.close();
    await (await onnx.attach(program, signature)).predict(frame, got, []);
    // Sums, labels and what is made of them. The last bits of an exponential may depend on the processor; in double
    // precision onnxruntime's fused multiply-adds round less.
    const isDouble = signature.outputs.some(({ datatype }) => datatype === 'FP64');
    const least = isDouble ? 0.5 : /\bExp\b/.test(String(facts.operators)) ? 0.8 : 0.99;
    let exact = 0;
    for (let i = 0; i < got.length; i++) {
      if (Object.is(got[i], wanted[i])) exact++;
      else
        expect(Math.abs(got[i]! - wanted[i]!)).toBeLessThanOrEqual(
          (isDouble ? 1e-12 : 1e-6) * Math.max(1e-6, Math.abs(wanted[i]!)),
        );
    }
    expect(exact).toBeGreaterThan(least * got.length);
  });
});

describe('what is compiled is proven first', () => {
  test.each(['sk_gboost/model.onnx', 'sk_logit/model.onnx'])(
    '%s with a constant changed is not taken',
    async (file) => {
      const { program, signature } = await prepare(file);
      const plan = planGraph(readModel(new Uint8Array(readFileSync(models + file))).graph, signature)!;
      const runtime = new OnnxSession(await sessionOf(file), signature, Number.POSITIVE_INFINITY);
      expect(encodePlan(plan)).toEqual(program);
      expect(await agree(await onnx.attach(program, signature), runtime, plan)).toBe(true);
      const step = plan.steps.find(({ op }) => op === 'add' || op === 'linear')!;
      if (!('at' in step)) throw new Error('there is no such step');
      plan.constants[step.at]! += 0.01;
      expect(await agree(await onnx.attach(encodePlan(plan), signature), runtime, plan)).toBe(false);
      await runtime.close();
    },
  );
});

describe('a lane', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'slipway-compiled-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Whether a process of its own that attaches the program and answers has loaded onnxruntime's library. */
  async function loadsRuntime(file: string): Promise<boolean> {
    const { program, signature } = await prepare(file);
    const path = join(folder, 'program');
    writeFileSync(path, program);
    const source = `
      import { readFileSync } from 'node:fs';
      import { kindNamed } from ${JSON.stringify(new URL('../../../src/models/kinds.ts', import.meta.url).href)};
      const signature = ${JSON.stringify(signature)};
      const model = await kindNamed('onnx').attach(readFileSync(${JSON.stringify(path)}), signature);
      const width = signature.features.length;
      await model.predict({ rows: 1, width, values: new Float64Array(width), texts: [''] }, new Float64Array(99));
      console.log(process.report.getReport().sharedObjects.some((path) => /onnxruntime/.test(path)));
    `;
    return execFileSync(process.execPath, ['--input-type=module', '-e', source]).toString().trim() === 'true';
  }

  test('loads onnxruntime only for what runs on it', async () => {
    expect(await loadsRuntime('sk_forest/model.onnx')).toBe(false);
    expect(await loadsRuntime('sk_pipeline_mixed/model_zipmap.onnx')).toBe(false);
    expect(await loadsRuntime('sk_knn/model.onnx')).toBe(true);
  });
});

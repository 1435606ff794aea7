import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { SlipwayError } from '../../../src/errors.ts';
import { attachForest } from '../../../src/models/forest/attach.ts';
import { compileForest } from '../../../src/models/forest/compile.ts';
import { answersOf } from '../../../src/models/forest/link.ts';
import { encodeProgram } from '../../../src/models/forest/program.ts';
import { readXgboost } from '../../../src/models/xgboost/read-xgboost.ts';
import type { Signature } from '../../../src/signature.ts';
import { newFrame } from '../../../src/tensor.ts';
import { damage } from '../damage.ts';
import { spec } from '../forest/fixture.ts';
import { seeded } from '../forest/random-forest.ts';

const cases = Number(process.env.FUZZ_CASES ?? 2000);
const sources = [
  'xgb_frame/model.json',
  'xgb_codes/model.ubj',
  'xgb_codes/model.json',
  'xgb_gblinear_multiclass/model.ubj',
  'xgb_vector_leaf/model.ubj',
  'xgb_1_codes/model.json',
];

it(`${cases} damaged files load or are refused with a code, in bounded memory`, async () => {
  const random = seeded(8);
  const files = sources.map((path) => readFileSync(spec(`models/${path}`)));
  const before = Object.getOwnPropertyNames(Object.prototype).join();
  const memoryBefore = process.resourceUsage().maxRSS;
  let loaded = 0;
  for (let k = 0; k < cases; k++) {
    try {
      const { forest, link } = readXgboost(damage(files[k % files.length]!, random), 'model');
      loaded++;
      if (forest === null) continue;
      const program = encodeProgram({ ...compileForest(forest), link });
      if (loaded % 10 !== 0) continue;
      const attached = await attachForest(program, {} as Signature);
      const width = answersOf(link.kind, forest.groups);
      attached.predict(newFrame(9, forest.features), new Float64Array(9 * width));
    } catch (error) {
      expect(error, `case ${k}`).toBeInstanceOf(SlipwayError);
      expect((error as SlipwayError).code, `case ${k}`).toMatch(/^FILE_(BROKEN|UNSUPPORTED)$/);
    }
  }
  // Much damage is a cut or hits brackets and commas, some what is not read: both outcomes must have been met often.
  expect(loaded).toBeGreaterThan(cases / 20);
  expect(loaded).toBeLessThan((9 * cases) / 10);
  expect(Object.getOwnPropertyNames(Object.prototype).join()).toBe(before);
  // maxRSS is in KiB: never 512 MiB more than at the beginning.
  expect(process.resourceUsage().maxRSS - memoryBefore).toBeLessThan(512 * 1024);
});

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { SlipwayError } from '../../../src/errors.ts';
import { attachForest } from '../../../src/models/forest/attach.ts';
import { compileForest } from '../../../src/models/forest/compile.ts';
import { encodeProgram } from '../../../src/models/forest/program.ts';
import { readLightgbm } from '../../../src/models/forest/read-lightgbm.ts';
import type { Signature } from '../../../src/signature.ts';
import { newFrame } from '../../../src/tensor.ts';
import { damage } from '../damage.ts';
import { spec } from './fixture.ts';
import { seeded } from './random-forest.ts';

const cases = Number(process.env.FUZZ_CASES ?? 2000);
const sources = [
  'lgb_pandas',
  'lgb_rf',
  'lgb_linear_tree',
  'lgb_categorical',
  'lgb_near_zero',
  'lgb_constant_tree',
];

it(`${cases} damaged files load or are refused with a code, in bounded memory`, async () => {
  const random = seeded(7);
  const files = sources.map((folder) => readFileSync(spec(`models/${folder}/model.txt`)));
  const before = Object.getOwnPropertyNames(Object.prototype).join();
  const memoryBefore = process.resourceUsage().maxRSS;
  let loaded = 0;
  for (let k = 0; k < cases; k++) {
    try {
      const model = readLightgbm(damage(files[k % files.length]!, random), 'model.txt');
      const program = encodeProgram({ ...compileForest(model.forest), link: model.link });
      loaded++;
      if (loaded % 10 !== 0) continue;
      const attached = await attachForest(program, {} as Signature);
      attached.predict(newFrame(9, model.header.features), new Float64Array(9 * model.header.groups));
    } catch (error) {
      expect(error, `case ${k}`).toBeInstanceOf(SlipwayError);
      expect((error as SlipwayError).code).toMatch(/^FILE_(BROKEN|UNSUPPORTED)$/);
    }
  }
  // Most damage hits numbers or fields that are not read: both outcomes must have been met often.
  expect(loaded).toBeGreaterThan(cases / 10);
  expect(loaded).toBeLessThan((9 * cases) / 10);
  expect(Object.getOwnPropertyNames(Object.prototype).join()).toBe(before);
  // maxRSS is in KiB: never 512 MiB more than at the beginning.
  expect(process.resourceUsage().maxRSS - memoryBefore).toBeLessThan(512 * 1024);
});

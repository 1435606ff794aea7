import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { SlipwayError } from '../../../src/errors.ts';
import { compile } from '../../../src/models/catboost/catboost.ts';
import { columnsOf } from '../../../src/models/catboost/columns.ts';
import { planCombinations } from '../../../src/models/catboost/combinations.ts';
import { readCatboost } from '../../../src/models/catboost/read-catboost.ts';
import { Refusals } from '../../../src/models/catboost/refusals.ts';
import { seeded } from '../../stats/seeded.ts';
import { spec } from '../forest/fixture.ts';

const cases = Number(process.env.FUZZ_CASES ?? 2000);
const sources = [
  'cat_ctr_lossguide/model.cbm',
  'cat_ctr_multiclass/model.cbm',
  'cat_onevsall_depthwise/model.cbm',
  'cat_loglin/model.cbm',
  'cat_ctr_multiclass/model.json',
  'cat_onevsall_depthwise/model.json',
];

/** One to four changed bytes, in text often digits for digits, and in a third of the cases a cut. */
function damage(bytes: Buffer, random: () => number): Buffer {
  const below = (n: number): number => Math.floor(random() * n);
  const damaged = Buffer.from(bytes);
  for (let k = 1 + below(4); k > 0; k--) {
    const at = below(damaged.length);
    const isDigit = damaged[at]! >= 48 && damaged[at]! <= 57;
    if (isDigit && random() < 0.7) damaged[at] = 48 + below(10);
    else damaged[at] = random() < 0.5 ? below(256) : damaged[at]! ^ (1 << below(8));
  }
  return random() < 1 / 3 ? damaged.subarray(0, below(damaged.length)) : damaged;
}

it(`${cases} damaged files load or are refused with a code, in bounded memory`, () => {
  const random = seeded(11);
  const files = sources.map((file) => readFileSync(spec(`models/${file}`)));
  const before = Object.getOwnPropertyNames(Object.prototype).join();
  const memoryBefore = process.resourceUsage().maxRSS;
  let loaded = 0;
  for (let k = 0; k < cases; k++) {
    try {
      const model = readCatboost(damage(files[k % files.length]!, random), new Refusals('model'));
      const columns = columnsOf(model);
      compile(model, columns);
      planCombinations(model, columns);
      loaded++;
    } catch (error) {
      expect(error, `case ${k}`).toBeInstanceOf(SlipwayError);
      expect((error as SlipwayError).code).toMatch(/^FILE_(BROKEN|UNSUPPORTED)$/);
    }
  }
  // Damage often hits what is not read: both outcomes must have been met often.
  expect(loaded).toBeGreaterThan(cases / 10);
  expect(loaded).toBeLessThan((9 * cases) / 10);
  expect(Object.getOwnPropertyNames(Object.prototype).join()).toBe(before);
  // maxRSS is in KiB: never 512 MiB more than at the beginning.
  expect(process.resourceUsage().maxRSS - memoryBefore).toBeLessThan(512 * 1024);
});

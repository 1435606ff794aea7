import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ForestModel } from '../../../src/models/forest/attach.ts';
import { lightgbm } from '../../../src/models/forest/lightgbm.ts';
import { frameOf, golden, spec } from './fixture.ts';

const folders = readdirSync(spec('models')).filter((name) => /^(lgb_|story_lgb)/.test(name));
const files = folders
  .flatMap((folder) => [
    { folder, file: 'model.txt', suffix: '' },
    { folder, file: 'model_all_rounds.txt', suffix: '_all_rounds' },
  ])
  .filter(({ folder, file }) => existsSync(spec(`models/${folder}/${file}`)));

describe('golden rows of LightGBM 4.7.0', () => {
  it('are there', () => {
    expect(files.length).toBeGreaterThanOrEqual(22);
  });

  it.each(files)('$folder/$file: margins to the bit, answers to 1e-15', async ({ folder, file, suffix }) => {
    const { frame, outputs } = golden(`models/${folder}`);
    const path = spec(`models/${folder}/${file}`);
    const { program, signature } = await lightgbm.prepare({ main: file, path }, {});
    const model = (await lightgbm.attach(program, signature)) as ForestModel;
    const width = signature.answer!.width;

    const margins = new Float64Array(frame.rows * width);
    model.margins(frame, margins);
    expect([...margins]).toEqual([...outputs.get(`margin${suffix}`)!]);

    const answers = new Float64Array(frame.rows * width);
    model.predict(frame, answers);
    const expected = outputs.get(`predict${suffix}`)!;
    answers.forEach((answer, k) => {
      // exp of the C library and of V8 may differ in the last bit.
      expect(Math.abs(answer - expected[k]!)).toBeLessThanOrEqual(1e-15 * Math.abs(expected[k]!));
    });

    const alone = new Float64Array(width);
    for (let row = 0; row < frame.rows; row++) {
      const values = frame.values.slice(row * frame.width, (row + 1) * frame.width);
      model.margins(frameOf(frame.width, values), alone);
      expect([...alone]).toEqual([...margins.subarray(row * width, (row + 1) * width)]);
    }
  });
});

import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ForestModel } from '../../../src/models/forest/attach.ts';
import { xgboost } from '../../../src/models/xgboost/xgboost.ts';
import { answerWidth } from '../../../src/signature.ts';
import { frameOf, golden, spec } from '../forest/fixture.ts';

const files = readdirSync(spec('models'))
  .filter((name) => /^(xgb_|story_xgb)/.test(name))
  .flatMap((folder) => ['model.json', 'model.ubj'].map((file) => ({ folder, file })))
  .filter(({ folder, file }) => existsSync(spec(`models/${folder}/${file}`)))
  .flatMap((one) => {
    const rounds = one.folder === 'xgb_early_stop' ? (['best', 'all'] as const) : (['all'] as const);
    return rounds.map((served) => ({ ...one, served, suffix: served === 'best' ? '_best' : '' }));
  });

describe('golden rows of XGBoost 3.2.0, 2.1.4 and 1.7.6', () => {
  it('are there', () => {
    expect(files.length).toBeGreaterThanOrEqual(48);
  });

  it.each(files)(
    '$folder/$file, $served rounds: margins to the bit, answers within float32 rounding',
    async ({ folder, file, served, suffix }) => {
      const { frame, outputs } = golden(`models/${folder}`);
      const files = { main: file, path: spec(`models/${folder}/${file}`) };
      const { program, signature } = await xgboost.prepare(files, { rounds: served });
      const model = (await xgboost.attach(program, signature)) as ForestModel;
      const expected = outputs.get(`margin${suffix}`)!;
      const groups = expected.length / frame.rows;

      const margins = new Float64Array(expected.length);
      model.margins(frame, margins);
      expect([...margins]).toEqual([...expected]);

      const width = answerWidth(signature);
      const answers = new Float64Array(frame.rows * width);
      model.predict(frame, answers);
      const predict = signature.outputs[0]!;
      const wanted = outputs.get(`predict${suffix}`)!;
      expect(wanted.length).toBe(frame.rows * predict.width);
      for (let row = 0; row < frame.rows; row++) {
        for (let k = 0; k < predict.width; k++) {
          const [got, want] = [answers[row * width + k]!, wanted[row * predict.width + k]!];
          expect(Math.fround(got)).toBe(got);
          // exp of the C library and of V8 may differ in the last bit of a float32.
          expect(Math.abs(got - want)).toBeLessThanOrEqual(2 ** -23 * Math.abs(want));
        }
      }

      const alone = new Float64Array(groups);
      for (let row = 0; row < frame.rows; row++) {
        const values = frame.values.slice(row * frame.width, (row + 1) * frame.width);
        model.margins(frameOf(frame.width, values), alone);
        expect([...alone]).toEqual([...margins.subarray(row * groups, (row + 1) * groups)]);
      }
    },
  );
});

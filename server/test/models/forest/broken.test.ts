import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SlipwayError } from '../../../src/errors.ts';
import type { ForestModel } from '../../../src/models/forest/attach.ts';
import { lightgbm } from '../../../src/models/forest/lightgbm.ts';
import { golden, spec } from './fixture.ts';

const expected = JSON.parse(readFileSync(spec('broken/lgb_expected.json'), 'utf8')) as Record<
  string,
  { answer: 'reject' | 'reject-or-exact'; why: string }
>;
const load = (name: string) =>
  lightgbm.prepare({ main: 'model.txt', path: spec(`broken/${name}/model.txt`) }, {});

describe('broken LightGBM files', () => {
  const rejected = Object.entries(expected).filter(([, { answer }]) => answer === 'reject');
  it.each(rejected)('%s is refused with a coded error that names the file', async (name) => {
    const error = await load(name).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(SlipwayError);
    const { code, message } = error as SlipwayError;
    expect(code).toMatch(/^FILE_(BROKEN|UNSUPPORTED)$/);
    expect(message).toMatch(/^model\.txt: .+: .+\.$/);
  });

  // Made from lgb_binary_nan: these answer as it, or are refused.
  it.each(['lgb_crlf', 'lgb_proto_names'])(
    '%s answers exactly as the file that it was made from',
    async (name) => {
      const { program, signature } = await load(name);
      const model = (await lightgbm.attach(program, signature)) as ForestModel;
      const { frame, outputs } = golden('models/lgb_binary_nan');
      const margins = new Float64Array(frame.rows);
      model.margins(frame, margins);
      expect([...margins]).toEqual([...outputs.get('margin')!]);
    },
  );

  it('lgb_threshold_inf loads: LightGBM itself writes such thresholds', async () => {
    expect((await load('lgb_threshold_inf')).facts.trees).toBe(25);
  });

  it('lgb_no_end is refused', async () => {
    await expect(load('lgb_no_end')).rejects.toMatchObject({ code: 'FILE_BROKEN' });
  });

  it('are all spoken of here', () => {
    const others = ['lgb_crlf', 'lgb_proto_names', 'lgb_threshold_inf', 'lgb_no_end'];
    expect(Object.keys(expected).sort()).toEqual([...rejected.map(([name]) => name), ...others].sort());
  });
});

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SlipwayError } from '../../../src/errors.ts';
import type { ForestModel } from '../../../src/models/forest/attach.ts';
import { xgboost } from '../../../src/models/xgboost/xgboost.ts';
import { golden, spec } from '../forest/fixture.ts';

const { cases } = JSON.parse(readFileSync(spec('broken/expected.json'), 'utf8')) as {
  cases: Record<string, { answer: 'reject' | 'reject-or-exact' }>;
};
const names = Object.keys(cases).filter((name) => /^(xgb_|ubj_|json_is_ubj)/.test(name));
const load = (name: string) => {
  const [file] = readdirSync(spec(`broken/${name}`));
  return xgboost.prepare({ main: file!, path: spec(`broken/${name}/${file}`) }, {});
};
/** Made from xgb_binary_missing without changing what it means. */
const exact = [
  'json_is_ubj',
  'ubj_is_json',
  'ubj_proto_key',
  'xgb_bom',
  'xgb_proto_feature_names',
  'xgb_proto_pollution',
];

describe('broken XGBoost files', () => {
  it.each(names.filter((name) => !exact.includes(name)))(
    '%s is refused with a coded error that names the file and the place',
    async (name) => {
      const error = await load(name).then(
        () => null,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(SlipwayError);
      expect((error as SlipwayError).code).toMatch(/^FILE_(BROKEN|UNSUPPORTED)$/);
      expect((error as SlipwayError).message).toMatch(/^model\.(json|ubj): .+: .+\.$/);
    },
  );

  it.each(exact)('%s answers exactly as the file that it was made from', async (name) => {
    expect(cases[name]!.answer).toBe('reject-or-exact');
    const { program, signature } = await load(name);
    const model = (await xgboost.attach(program, signature)) as ForestModel;
    const { frame, outputs } = golden('models/xgb_binary_missing');
    const margins = new Float64Array(frame.rows);
    model.margins(frame, margins);
    expect([...margins]).toEqual([...outputs.get('margin')!]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('names features like members of Object.prototype as they are called', async () => {
    const { features } = (await load('xgb_proto_feature_names')).signature;
    expect(features.map(({ name }) => name)).toEqual(expect.arrayContaining(['__proto__', 'constructor']));
  });

  it('are all here', () => {
    expect(names).toHaveLength(47);
  });
});

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SlipwayError } from '../../../src/errors.ts';
import { catboost } from '../../../src/models/catboost/catboost.ts';
import { readCatboost } from '../../../src/models/catboost/read-catboost.ts';
import { Refusals } from '../../../src/models/catboost/refusals.ts';
import { spec } from '../forest/fixture.ts';

function refusal(bytes: Uint8Array): string {
  try {
    readCatboost(bytes, new Refusals('given'));
  } catch (error) {
    expect(error).toBeInstanceOf(SlipwayError);
    const { code, message } = error as SlipwayError;
    expect(message).toMatch(/^given: .+: .+\.$/);
    return `${code} ${message}`;
  }
  return 'loaded';
}

describe('broken files', () => {
  const cases: Record<string, string> = {
    catjson_border_null: 'FILE_BROKEN given: oblivious_trees.0.splits.0.border: is no finite number.',
    catjson_ctr_missing:
      'FILE_BROKEN given: CTR 0: its table is not in the file (save the model with its pool).',
    catjson_depth_64:
      'FILE_BROKEN given: oblivious_trees.0.leaf_values: 16 numbers do not go with 64 splits.',
    catjson_feature_out_of_range:
      'FILE_BROKEN given: oblivious_trees.0.splits.0: is not what split_index 12 stands for.',
    catjson_leaf_count:
      'FILE_BROKEN given: oblivious_trees.0.leaf_values: 15 numbers do not go with 4 splits.',
    catjson_no_trees: 'FILE_BROKEN given: trees: there are none.',
    catjson_truncated: 'FILE_BROKEN given: the file: is not JSON',
    cbm_garbage: 'FILE_BROKEN given: the file: is cut off: its core ends at byte',
    cbm_root_offset: 'FILE_BROKEN given: the core: it leads beyond its end.',
    cbm_size_lies: 'FILE_BROKEN given: the file: is cut off: its core ends at byte 4294967288.',
    cbm_text: 'FILE_UNSUPPORTED given: the core: it has parts of kind text_process_v2.',
    cbm_truncated: 'FILE_BROKEN given: the file: is cut off',
  };
  it.each(Object.entries(cases))('%s', (name, says) => {
    const [file] = readdirSync(spec(`broken/${name}`));
    expect(refusal(readFileSync(spec(`broken/${name}/${file}`)))).toContain(says);
  });

  it.each([
    ['cbm_custom', 'PythonUserDefinedPerObject'],
    ['cbm_multilogloss', 'MultiLogloss'],
  ])('%s: a loss whose answers are not known is not guessed', async (name, loss) => {
    const files = { main: 'given', path: spec(`broken/${name}/model.cbm`) };
    await expect(catboost.prepare(files, {})).rejects.toMatchObject({
      code: 'FILE_UNSUPPORTED',
      message: `given: loss_function: “${loss}” is unknown.`,
      hint: expect.stringContaining('RMSE'),
    });
  });

  it('a key "__proto__" is just a key', () => {
    expect(refusal(readFileSync(spec('broken/catjson_proto/model.json')))).toBe('loaded');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

/** biome-ignore lint/suspicious/noExplicitAny: parsed JSON, changed at will. */
type Json = any;

describe('JSON that says what cannot be', () => {
  const changed = (folder: string, change: (model: Json) => void): string => {
    const model = JSON.parse(readFileSync(spec(`models/${folder}/model.json`), 'utf8')) as Json;
    change(model);
    return refusal(Buffer.from(JSON.stringify(model)));
  };
  const ctr = (change: (ctr: Json, model: Json) => void) =>
    changed('cat_ctr_multiclass', (model) => change(model.features_info.ctrs[0], model));

  it('is as it was, unchanged', () => {
    expect(changed('cat_ctr_multiclass', () => {})).toBe('loaded');
  });

  it.each<[string, string, (model: Json) => void]>([
    ['a leaf that is text', 'leaf_values: item 3', (m) => (m.oblivious_trees[2].leaf_values[3] = '1')],
    ['a split beyond all', 'there is no split', (m) => (m.oblivious_trees[0].splits[0].split_index = 1e6)],
    ['trees of several widths', 'do not go with', (m) => m.oblivious_trees[1].splits.pop()],
    ['borders that fall', 'do not rise', (m) => m.features_info.ctrs.at(-1).borders.push(-100)],
    [
      'a feature twice',
      'two have the same index',
      (m) => (m.features_info.float_features[1].flat_feature_index = 1),
    ],
    ['a name twice', 'the same name', (m) => (m.features_info.float_features[1].feature_name = 'x1')],
    [
      'a negative index',
      'whole number from 0',
      (m) => (m.features_info.float_features[1].feature_index = -1),
    ],
    [
      'a treatment of NaN that is new',
      'is unknown',
      (m) => (m.features_info.float_features[0].nan_value_treatment = 'AsZero'),
    ],
    ['a bias short', 'scale_and_bias', (m) => m.scale_and_bias[1].pop()],
    ['no features', 'has no “features_info”', (m) => delete m.features_info],
    ['text features', 'FILE_UNSUPPORTED', (m) => (m.features_info.text_features = [{}])],
  ])('%s', (_, says, change) => {
    const result = changed('cat_ctr_multiclass', change);
    expect(result).toContain('FILE_');
    expect(result).toContain(says);
  });

  it('a one-hot value twice', () => {
    const result = changed('cat_categorical_onehot', (model) => {
      const { values } = model.features_info.categorical_features.at(-1);
      values.push(values[0]);
    });
    expect(result).toContain('a value stands twice');
  });

  it.each<[string, string, (ctr: Json, model: Json) => void]>([
    ['of a type that is new', 'is no type of CTR', (c) => (c.ctr_type = 'Mean')],
    ['of a target border beyond its table', 'another form', (c) => (c.target_border_idx = 9)],
    [
      'of a feature that is not there',
      'features that there are not',
      (c) => (c.elements[0].cat_feature_index = 7),
    ],
    ['whose table is gone', 'its table is not in the file', (_, m) => (m.ctr_data = null)],
    ['whose table is cut', 'is no list of', (_, m) => (Object.values(m.ctr_data)[0] as Json).hash_map.pop()],
    [
      'whose hash is a number',
      'no 64-bit number',
      (_, m) => ((Object.values(m.ctr_data)[0] as Json).hash_map[0] = 5),
    ],
    [
      'whose count is text',
      'no finite number',
      (_, m) => (Object.values(m.ctr_data)[0] as Json).hash_map.splice(-1, 1, '5'),
    ],
    ['whose prior is text', 'no finite number', (c) => (c.prior_numerator = 'x')],
  ])('a CTR %s', (_, says, change) => {
    const result = ctr(change);
    expect(result).toContain('FILE_BROKEN');
    expect(result).toContain(says);
  });

  it('a tree a hundred thousand levels deep takes no stack', () => {
    const text = readFileSync(spec('models/cat_lossguide/model.json'), 'utf8');
    const [first] = (JSON.parse(text) as Json).trees;
    const split = JSON.stringify(first.split);
    const deep = `${`{"split":${split},"left":{"value":1,"weight":1},"right":`.repeat(100_000)}{"value":2,"weight":1}${'}'.repeat(100_000)}`;
    const model = text.replace(/"trees":\s*\[[\s\S]*\]\s*\}\s*$/, `"trees":[${deep}]}`);
    expect(model).not.toBe(text);
    expect(refusal(Buffer.from(model))).toBe('loaded');
  });
});

describe('a .cbm whose parts lead where they must not', () => {
  const file = readFileSync(spec('models/cat_lossguide/model.cbm'));

  it('bytes after the core are refused where it names no parts', () => {
    expect(refusal(Buffer.concat([file, Buffer.from('more')]))).toContain('more bytes follow');
  });

  it('a child that two nodes share is refused, and no walk is endless', () => {
    // Every step of the trees in turn is made to lead to its neighbour's child.
    let shared = 0;
    for (let at = 8; at + 4 <= file.length; at += 2) {
      if (file.readUInt16LE(at) !== 1 || file.readUInt16LE(at + 2) < 2 || file.readUInt16LE(at + 2) > 20)
        continue;
      const changed = Buffer.from(file);
      changed.writeUInt16LE(1, at + 2);
      if (refusal(changed).includes('is reached')) shared++;
    }
    expect(shared).toBeGreaterThan(20);
  });
});

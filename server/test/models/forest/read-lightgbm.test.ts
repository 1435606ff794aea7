import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SlipwayError } from '../../../src/errors.ts';
import { readLightgbm } from '../../../src/models/forest/read-lightgbm.ts';
import { spec } from './fixture.ts';

const text = (folder: string): string => readFileSync(spec(`models/${folder}/model.txt`), 'utf8');
const read = (content: string) => readLightgbm(Buffer.from(content), 'model.txt');
const broken = (name: string): string => readFileSync(spec(`broken/${name}/model.txt`), 'latin1');

/** The same file with one part replaced; fails if that part is not in it. */
function edited(folder: string, part: string | RegExp, by: string): string {
  const content = text(folder);
  const result = content.replace(part, by);
  expect(result).not.toBe(content);
  return result;
}

const error = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

describe('readLightgbm', () => {
  it('names the file, the tree and the field of what is wrong', () => {
    const expected: [string, RegExp][] = [
      ['lgb_threshold_nan', /^model\.txt: tree \d+, threshold: “nan” is no finite number\.$/],
      ['lgb_threshold_text', /^model\.txt: tree \d+, threshold: “.*” is no finite number\.$/],
      ['lgb_leaf_nan', /^model\.txt: tree \d+, leaf_value: “nan” is no finite number\.$/],
      [
        'lgb_child_cycle',
        /^model\.txt: tree \d+, left_child: node \d+ leads to 0, which is reached twice\.$/,
      ],
      ['lgb_child_out_of_range', /^model\.txt: tree \d+, left_child: \d+ is not between -12 and 10\.$/],
      ['lgb_feature_out_of_range', /^model\.txt: tree \d+, split_feature: \d+ is not between 0 and 29\.$/],
      ['lgb_num_leaves_lies', /^model\.txt: tree \d+, leaf_value: has fewer than 2000000000 numbers\.$/],
      ['lgb_arrays_short', /^model\.txt: tree \d+, threshold: has \d+ numbers instead of 11\.$/],
      ['lgb_cat_num_cat_lies', /^model\.txt: tree \d+, (num_cat|cat_boundaries): /],
      ['lgb_num_class_huge', /^model\.txt: num_class: is 1000000000, /],
      ['lgb_truncated', /^model\.txt: tree \d+: the file is cut off/],
      ['lgb_long_line', /^model\.txt: feature_names: has \d+ entries instead of 30/],
    ];
    for (const [name, message] of expected) {
      expect(() => read(broken(name)), name).toThrow(error('FILE_BROKEN', message));
    }
  });

  it('refuses what it cannot know the meaning of', () => {
    const cases: [string, RegExp][] = [
      [broken('lgb_unknown_objective'), /objective: “.*” is unknown/],
      [
        edited('lgb_goss_sigmoid', 'sigmoid:0.7', 'sigmoid:0.7 tilt:2'),
        /“tilt:2” is no known parameter of binary/,
      ],
      [edited('lgb_regression', 'version=v4', 'version=v5'), /version: is “v5”/],
      [edited('lgb_regression', 'label_index=', 'label_shift='), /unknown field “label_shift”/],
    ];
    for (const [content, message] of cases) {
      expect(() => read(content)).toThrow(error('FILE_UNSUPPORTED', message));
    }
  });

  it('refuses a file cut off at any line before its parameters end', () => {
    const lines = text('lgb_rf').split('\n');
    const last = lines.indexOf('end of parameters');
    const treesEnd = lines.indexOf('end of trees');
    for (let count = 0; count < last; count++) {
      const content = lines.slice(0, count).join('\n');
      // Right after the trees LightGBM's own C API may end a file.
      if (count > treesEnd && !content.includes('\nparameters:')) continue;
      expect(() => read(content), `${count} lines`).toThrow(SlipwayError);
    }
  });

  it('reads Windows line ends as the same model', () => {
    const unix = read(text('lgb_categorical'));
    expect(read(text('lgb_categorical').replaceAll('\n', '\r\n'))).toEqual(unix);
    expect(read(broken('lgb_crlf')).forest).toEqual(read(text('lgb_binary_nan')).forest);
  });

  it('takes feature names that are members of Object.prototype as they are', () => {
    const model = read(broken('lgb_proto_names'));
    expect(model.features.slice(0, 3).map(({ name }) => name)).toEqual([
      '__proto__',
      'constructor',
      'toString',
    ]);
    expect(model.forest).toEqual(read(text('lgb_binary_nan')).forest);
  });

  it('refuses nodes that lead in circles apart from the root', () => {
    const content = edited(
      'lgb_pandas',
      /left_child=.*\nright_child=.*/,
      'left_child=-1 2 1 4 3 5\nright_child=-2 -3 -4 -5 -6 -7',
    );
    expect(() => read(content)).toThrow(
      error('FILE_BROKEN', /tree 0, left_child: some nodes are not reached from the root/),
    );
  });

  it('answers with the raw sum where there is no objective, as LightGBM does', () => {
    const model = read(edited('lgb_regression', /^objective=.*\n/m, ''));
    expect(model.link.kind).toBe('raw');
    expect(model.objective).toMatchObject({ name: 'custom', task: 'regression' });
  });

  it('refuses features of one name, and counts that disagree', () => {
    const cases: [string, RegExp][] = [
      [
        edited('lgb_regression', 'feature_names=age sex', 'feature_names=age age'),
        /two features have the same name/,
      ],
      [edited('lgb_multiclass', /num_class=10/, 'num_class=5'), /num_class/],
      [edited('lgb_multiclass', 'num_class:10', 'num_class:5'), /its num_class is not that of the file/],
      [edited('lgb_regression', 'tree_sizes=', 'tree_sizes=1 '), /lists 36 trees, but the file holds 35/],
      [edited('lgb_regression', 'Tree=7', 'Tree=8'), /“Tree=7” is missing/],
      [
        edited('lgb_regression', 'max_feature_idx=9', 'max_feature_idx=10'),
        /feature_names: has 10 entries instead of 11/,
      ],
    ];
    for (const [content, message] of cases)
      expect(() => read(content)).toThrow(error('FILE_BROKEN', message));
  });
});

describe('categories', () => {
  it('have the names of the pandas columns, in their order', () => {
    expect(read(text('lgb_pandas')).features).toEqual([
      { name: 'colour', type: 'category', categories: ['red', 'green', '__proto__', 'blå'] },
      { name: 'size', type: 'number' },
      { name: 'code', type: 'category', categories: [10, 20, 30] },
      { name: 'flag', type: 'category', categories: ['false', 'true'] },
    ]);
  });

  it('without names are integer codes', () => {
    const types = read(text('lgb_categorical')).features.map(({ type, categories }) => [type, categories]);
    const [number, category] = [
      ['number', undefined],
      ['category', undefined],
    ];
    expect(types).toEqual([category, category, number, number, number]);
  });

  it('are refused where it cannot be told whose names they are', () => {
    const cases = [
      edited('lgb_pandas', '[10, 20, 30], ', ''),
      edited('lgb_pandas', '[10, 20, 30]', '[10, 20, 30], ["low", "high"]'),
      edited('lgb_pandas', '[10, 20, 30]', '[10]'),
    ];
    for (const content of cases) {
      expect(() => read(content)).toThrow(error('FILE_UNSUPPORTED', /pandas_categorical/));
    }
  });

  it('are refused as anything but lists of texts and numbers', () => {
    for (const json of ['{"__proto__": 1}', '[1]', '[[null]]', '[[["a"]]]', '[[', '']) {
      const content = edited('lgb_pandas', /pandas_categorical:.*/, `pandas_categorical:${json}`);
      expect(() => read(content), json).toThrow(error('FILE_BROKEN', /pandas_categorical/));
    }
  });
});

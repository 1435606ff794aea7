import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SlipwayError } from '../../src/errors.ts';
import { kinds } from '../../src/models/kinds.ts';
import { recognise } from '../../src/models/recognise.ts';

const spec = new URL('../../../spec/', import.meta.url).pathname;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-recognise-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Recognises these bytes under a name that says nothing. */
async function look(bytes: string | Uint8Array, name = 'model.bin'): Promise<string | SlipwayError> {
  const path = join(folder, 'given');
  writeFileSync(path, typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  try {
    return (await recognise({ main: name, path })).name;
  } catch (error) {
    expect(error).toBeInstanceOf(SlipwayError);
    return error as SlipwayError;
  }
}

describe('a file is known by what is in it', () => {
  const models = readdirSync(join(spec, 'models'));
  test.each(models)('%s, under another format’s name', async (model) => {
    for (const file of readdirSync(join(spec, 'models', model))) {
      if (!file.startsWith('model')) continue;
      const others = model.startsWith('cat_') ? 'catboost' : 'xgboost';
      const kind = file.endsWith('.onnx') ? 'onnx' : file.endsWith('.txt') ? 'lightgbm' : others;
      const bytes = readFileSync(join(spec, 'models', model, file));
      expect(await look(bytes, 'learner.json')).toBe(kind);
      expect(await look(bytes, 'model.pkl')).toBe(kind);
    }
  });

  test('CatBoost’s JSON by its first keys', async () => {
    expect(await look('{\n  "features_info":\n {"float_features": []}}')).toBe('catboost');
    expect(await look('{"ctr_data":{"a":{}}}')).toBe('catboost');
  });

  test('XGBoost’s, with its version first, with a mark of UTF-8, or with shorter lengths', async () => {
    expect(await look('{"version": [3, 2, 0], "learner": {')).toBe('xgboost');
    expect(await look('\xef\xbb\xbf{"learner":{"attributes":{}')).toBe('xgboost');
    expect(await look('{U\x07learner{')).toBe('xgboost');
    expect(await look('{"features": {"learner": {}}}')).toMatchObject({ code: 'FILE_NOT_RECOGNISED' });
  });

  test('a learner’s file, wherever it says so', async () => {
    expect(await look('{"slipway": "logistic"}')).toBe('logistic');
    expect(await look('\n{ "features": ["learner", "gbtree"], "slipway" : "logistic" }')).toBe('logistic');
  });
});

describe('what is no model is refused in words', () => {
  const x = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');
  const cases: [what: string, bytes: string | Uint8Array, code: string, says: string][] = [
    ['an empty file', '', 'FILE_NOT_RECOGNISED', 'is empty'],
    ...[2, 3, 4, 5].map((protocol): [string, Uint8Array, string, string] => [
      `a pickle of protocol ${protocol}`,
      Buffer.from([0x80, protocol, 0x63]),
      'FILE_UNSAFE',
      'pickle',
    ]),
    [
      'a pickle of protocol 0',
      'ccopy_reg\n_reconstructor\n(csklearn.x\nX\n',
      'FILE_UNSAFE',
      'run the code inside',
    ],
    ['a pickled call', 'cposix\nsystem\n(S"touch x"\ntR.', 'FILE_UNSAFE', 'run the code inside'],
    ['a pickled object of protocol 0', '(ios\nsystem\n', 'FILE_UNSAFE', 'pickle'],
    ['a pickled list of protocol 1', ']q\0(K\x01K\x02e.', 'FILE_UNSAFE', 'pickle'],
    ['joblib, compressed', x('789c 0102'), 'FILE_UNSAFE', 'joblib'],
    ['joblib, weakly compressed', x('7801 0102'), 'FILE_UNSAFE', 'joblib'],
    ['gzip', x('1f8b 0800'), 'FILE_UNSUPPORTED', 'unpack it'],
    ['bzip2', 'BZh91AY', 'FILE_UNSUPPORTED', 'unpack it'],
    ['xz', x('fd377a585a00'), 'FILE_UNSUPPORTED', 'unpack it'],
    ['a zip archive', 'PK\x03\x04\x14', 'FILE_UNSUPPORTED', 'zip'],
    ['HDF5', x('894844460d0a1a0a'), 'FILE_UNSUPPORTED', 'HDF5'],
    ['TensorFlow Lite', '\x1c\0\0\0TFL3\x14', 'FILE_UNSUPPORTED', 'TensorFlow Lite'],
    ['safetensors', '\x50\0\0\0\0\0\0\0{"weight":{"dtype":"F32"', 'FILE_UNSUPPORTED', 'safetensors'],
    ['XGBoost’s old binary form', 'binf\0\0', 'FILE_UNSUPPORTED', 'save it as model.json'],
    ['PMML', '<?xml version="1.0"?><PMML>', 'FILE_UNSUPPORTED', 'PMML'],
    [
      'MLflow’s description',
      'artifact_path: model\nflavors:\n  sklearn:\n',
      'FILE_UNSUPPORTED',
      'the folder that it lies in',
    ],
    ['Parquet', 'PAR1\x15\x04', 'FILE_NOT_RECOGNISED', '--baseline'],
    [
      'a Git LFS pointer',
      'version https://git-lfs.github.com/spec/v1\noid sha256:0',
      'FILE_NOT_RECOGNISED',
      'git lfs pull',
    ],
    ['a picture', x('89504e470d0a1a0a'), 'FILE_NOT_RECOGNISED', 'PNG'],
    ['a web page', '<!doctype html><title>404</title>', 'FILE_NOT_RECOGNISED', 'HTML page'],
    ['any JSON', '{"a": 1}', 'FILE_NOT_RECOGNISED', '"slipway": "logistic"'],
    ['a learner’s file of another kind', '{"slipway": "magic"}', 'FILE_NOT_RECOGNISED', 'looks like JSON'],
    ['any text', '\n hello\nworld', 'FILE_NOT_RECOGNISED', 'it begins with "hello".'],
    ['zeros', new Uint8Array(5000), 'FILE_NOT_RECOGNISED', 'begins with the bytes 00 00 00 00 00 00 00 00.'],
    ['a program', '\x7fELF\x02', 'FILE_NOT_RECOGNISED', 'begins with the bytes 7f 45 4c 46 02.'],
    ['text in UTF-16', '\xff\xfet\0r\0e\0e\0', 'FILE_NOT_RECOGNISED', 'UTF-16'],
    ['a table', 'a,b,class\n1,2,0\n', 'FILE_NOT_RECOGNISED', '--baseline'],
    ['golden rows', '{"rows": 2, "inputs": [{"name": "X"}]}', 'FILE_NOT_RECOGNISED', '--golden'],
    ['a SavedModel', '\x08\x01\x12\xd5\x8b\x02\n', 'FILE_UNSUPPORTED', 'tf2onnx'],
    ['LightGBM’s JSON', '{"name":"tree",\n"version":"v4"', 'FILE_UNSUPPORTED', 'Booster.save_model'],
    ['XGBoost’s dump', 'booster[0]:\n0:[f2<2.45]', 'FILE_UNSUPPORTED', 'Booster.save_model'],
    ['XGBoost’s dump of one tree', '0:[f2<2.45] yes=1', 'FILE_UNSUPPORTED', 'Booster.save_model'],
    ['XGBoost’s dump as JSON', '[\n  { "nodeid": 0', 'FILE_UNSUPPORTED', 'Booster.save_model'],
  ];
  test.each(cases)('%s', async (_, bytes, code, says) => {
    // A model's name makes no model.
    for (const name of ['model.onnx', 'model.txt', 'learner.json']) {
      const refusal = await look(bytes, name);
      expect(refusal).toMatchObject({ code, message: expect.stringContaining(says) });
      expect((refusal as SlipwayError).message).toContain(name);
      for (const { title } of kinds) expect((refusal as SlipwayError).hint).toContain(title);
      if (code === 'FILE_UNSAFE')
        expect((refusal as SlipwayError).hint).toContain('Export the model to ONNX');
    }
  });

  test('pickles that would run code: refused, and not run', async () => {
    for (const file of ['pickle_alone/model.pkl', 'joblib_alone/model.joblib']) {
      const bytes = readFileSync(join(spec, 'broken', file));
      expect(bytes.toString('latin1')).toContain('slipway-was-owned');
      expect(await look(bytes)).toMatchObject({ code: 'FILE_UNSAFE' });
    }
    for (const place of [process.cwd(), folder])
      expect(existsSync(join(place, 'slipway-was-owned'))).toBe(false);
  });

  test('only the first 4 KiB are looked at', async () => {
    expect(await look(`${' '.repeat(5000)}{"slipway": "logistic"}`)).toMatchObject({
      code: 'FILE_NOT_RECOGNISED',
    });
  });
});

import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ModelFiles } from '../../../src/models/model.ts';
import { inlineExternalData } from '../../../src/models/onnx/external-data.ts';
import { onnx } from '../../../src/models/onnx/onnx.ts';
import { answerWidth } from '../../../src/signature.ts';
import { newFrame } from '../../../src/tensor.ts';
import { attribute, floats, graph, message, model, node, tensor } from './onnx-file.ts';

/** Weights of a graph in files of their own, as onnx.save(…, save_as_external_data=True) lays them out. */
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-external-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Part = Parameters<typeof message>[number];
const at = (entries: Record<string, string>): Part[] => [
  ...Object.entries(entries).map(([key, value]): Part => [13, message([1, key], [2, value])]),
  [14, 1],
];
const weights = (...more: Part[]): Uint8Array => tensor('w', [2, 1], ...more);
const matMul = node('MatMul', ['X', 'w'], ['Y']);
const plain = model(graph(1, matMul, [5, weights(floats(1, 2))]));
const numbers = Buffer.from(Float32Array.from([9, 9, 1, 2]).buffer);

function filesOf(bytes: Uint8Array, beside: Record<string, Uint8Array>): ModelFiles {
  const own = mkdtempSync(join(folder, 'model-'));
  mkdirSync(join(own, 'parts'));
  const paths = Object.entries({ ...beside, 'model.onnx': bytes }).map(([name, content]) => {
    writeFileSync(join(own, name), content);
    return [name, join(own, name)] as const;
  });
  return {
    main: 'model.onnx',
    path: join(own, 'model.onnx'),
    beside: new Map(paths.filter(([name]) => name !== 'model.onnx')),
  };
}

async function answers(files: ModelFiles): Promise<number[]> {
  const { program, signature } = await onnx.prepare(files, {});
  const attached = await onnx.attach(program, signature);
  const frame = newFrame(1, 2);
  frame.values.set([10, 1]);
  const row = new Float64Array(answerWidth(signature));
  await attached.predict(frame, row, []);
  await attached.close?.();
  return [...row];
}

describe('answers as the same model in one file', () => {
  const cases: [what: string, bytes: Uint8Array, beside: Record<string, Uint8Array>][] = [
    ['one file', plain, {}],
    [
      'an initializer, with offset and length',
      model(graph(1, matMul, [5, weights(...at({ location: 'w.bin', offset: '8', length: '8' }))])),
      { 'w.bin': numbers },
    ],
    [
      'to the file’s end, in a folder',
      model(graph(1, matMul, [5, weights(...at({ location: './parts/w.bin', offset: '8' }))])),
      { 'parts/w.bin': numbers },
    ],
    [
      'a constant’s tensor',
      model(
        graph(
          1,
          node(
            'Constant',
            [],
            ['w'],
            attribute('value', [5, weights(...at({ location: 'w.bin', offset: '8' }))], [20, 4]),
          ),
          matMul,
        ),
      ),
      { 'w.bin': numbers },
    ],
  ];
  test.each(cases)('%s', async (_, bytes, beside) => {
    expect(await answers(filesOf(bytes, beside))).toEqual([12]);
  });

  test('nothing is written anew where nothing lies elsewhere', () => {
    expect(inlineExternalData(plain, filesOf(plain, {}))).toBeNull();
  });
});

test.each([
  ['is not among the files', { location: 'v.bin' }, 'FILE_BROKEN', '"v.bin", which was not given'],
  ['lies outside', { location: '../w.bin' }, 'FILE_UNSAFE', 'outside its folder'],
  ['lies outside, by a detour', { location: 'parts/../../w.bin' }, 'FILE_UNSAFE', 'outside its folder'],
  ['is absolute', { location: '/etc/passwd' }, 'FILE_UNSAFE', 'outside its folder'],
  ['is outside for Windows', { location: '..\\w.bin' }, 'FILE_UNSAFE', 'outside its folder'],
  ['is said to be nowhere', {}, 'FILE_BROKEN', 'which was not given'],
  ['is too short', { location: 'w.bin', offset: '12', length: '8' }, 'FILE_BROKEN', 'a file that has 16'],
  ['begins beyond its end', { location: 'w.bin', offset: '999' }, 'FILE_BROKEN', 'from 999'],
  ['has a negative offset', { location: 'w.bin', offset: '-8' }, 'FILE_BROKEN', 'external offset "-8"'],
  ['has a length that is no number', { location: 'w.bin', length: '0x10' }, 'FILE_BROKEN', 'external length'],
  [
    'has other values than it says',
    { location: 'w.bin' },
    'FILE_BROKEN',
    'says it has 2 values, but holds 16',
  ],
])('a tensor whose data %s is refused', async (_, entries, code, says) => {
  const bytes = model(graph(1, matMul, [5, weights(...at(entries as Record<string, string>))]));
  await expect(onnx.prepare(filesOf(bytes, { 'w.bin': numbers }), {})).rejects.toMatchObject({
    code,
    message: expect.stringContaining(says),
  });
});

test('all that a model keeps elsewhere is bounded before it is read', () => {
  const bytes = model(graph(1, matMul, [5, weights(...at({ location: 'w.bin' }))]));
  const files = filesOf(bytes, { 'w.bin': new Uint8Array() });
  truncateSync(files.beside!.get('w.bin')!, 2 ** 31);
  expect(() => inlineExternalData(bytes, files)).toThrow(
    expect.objectContaining({ code: 'FILE_UNSUPPORTED', message: expect.stringContaining('2 GiB in all') }),
  );
});

import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SlipwayError } from '../../../src/errors.ts';
import type { ModelHints } from '../../../src/models/model.ts';
import { recognise } from '../../../src/models/recognise.ts';

/** What each file that a server must survive gets, and what it is told. */
const broken = new URL('../../../../spec/broken/', import.meta.url).pathname;
const { cases } = JSON.parse(readFileSync(`${broken}expected.json`, 'utf8')) as {
  cases: Record<string, { answer: string }>;
};
const told: Record<string, [code: string, says: RegExp]> = {
  onnx_custom_domain: ['FILE_UNSUPPORTED', /domain "com\.example\.custom"/],
  onnx_cycle: ['FILE_BROKEN', /not acyclic/],
  onnx_dangling_input: ['FILE_BROKEN', /'nowhere' is not a graph input/],
  onnx_deep_protobuf: ['FILE_BROKEN', /nested more than 24 deep/],
  onnx_empty: ['FILE_NOT_RECOGNISED', /is empty/],
  onnx_external_absolute: ['FILE_UNSAFE', /"w" in a file outside its folder/],
  onnx_external_etc_passwd: ['FILE_UNSAFE', /"w" in a file outside its folder/],
  onnx_external_huge_length: ['FILE_BROKEN', /"w" has the external length "1125899906842624"/],
  onnx_external_missing: ['FILE_BROKEN', /"w" in the file "w\w+\.bin", which was not given/],
  onnx_external_negative_offset: ['FILE_BROKEN', /"w" has the external offset "-\d+"/],
  onnx_external_proc: ['FILE_UNSAFE', /"w" in a file outside its folder/],
  onnx_external_sibling: ['FILE_UNSAFE', /"w" in a file outside its folder/],
  onnx_external_symlink: ['FILE_BROKEN', /"w" in the file "w\w+\.bin", which was not given/],
  onnx_garbage: ['FILE_NOT_RECOGNISED', /in no format/],
  onnx_huge_length_prefix: ['FILE_BROKEN', /17179869184 bytes; 2 are left/],
  onnx_huge_tensor_computed: ['FILE_BROKEN', /ConstantOfShape: Failed to allocate memory/],
  onnx_huge_tensor_declared: ['FILE_BROKEN', /"b1" says it has more than 2147483648 values/],
  onnx_ir_99: ['FILE_UNSUPPORTED', /IR version 99/],
  onnx_is_html: ['FILE_NOT_RECOGNISED', /HTML/],
  onnx_is_json: ['FILE_NOT_RECOGNISED', /JSON/],
  onnx_is_lfs_pointer: ['FILE_NOT_RECOGNISED', /git lfs pull/],
  onnx_is_png: ['FILE_NOT_RECOGNISED', /PNG/],
  onnx_locale_missing: ['FILE_BROKEN', /locale with name:xx_NOWHERE/],
  onnx_negative_dim: ['FILE_BROKEN', /"b1" has a negative dimension/],
  onnx_no_opset: ['FILE_BROKEN', /no graph/],
  onnx_opset_28: ['FILE_UNSUPPORTED', /IR version 14; this release takes up to 13/],
  onnx_opset_99: ['FILE_UNSUPPORTED', /opset 99; this release takes up to 26/],
  onnx_tree_cycle: ['FILE_BROKEN', /walks in circles/],
  onnx_tree_feature_out_of_range: ['FILE_BROKEN', /reads feature 7000000 of 2/],
  onnx_truncated_4096: ['FILE_BROKEN', /are left/],
  onnx_truncated_half: ['FILE_BROKEN', /are left/],
  onnx_truncated_last: ['FILE_BROKEN', /are left/],
  onnx_unknown_op: ['FILE_BROKEN', /FluxCapacitor/],
  onnx_zeros: ['FILE_NOT_RECOGNISED', /in no format/],
};
/** Stopped by the candidate's bounds (test/gates/broken.test.ts); a folder without a model; a sound file. */
const elsewhere = ['onnx_endless_loop', 'onnx_external_sibling_target', 'onnx_deep_subgraphs'];

const prepare = async (name: string, hints: ModelHints = {}) => {
  const files = { main: 'model.onnx', path: `${broken}${name}/model.onnx` };
  return (await recognise(files)).prepare(files, hints);
};

test('every case is here', () => {
  const all = readdirSync(broken).filter((name) => name.startsWith('onnx_'));
  expect([...Object.keys(told), ...elsewhere].sort()).toEqual(all.sort());
  for (const name of Object.keys(told))
    expect(cases[name]!.answer).toMatch(/^(reject|refuse|reject-or-exact)$/);
});

test.each(Object.entries(told))('%s', async (name, [code, says]) => {
  const thrown = await prepare(name).then(
    () => null,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(SlipwayError);
  const { code: got, message, hint } = thrown as SlipwayError;
  expect(got).toBe(code);
  expect(message).toMatch(says);
  expect(message).toContain('model.onnx');
  expect(message.length).toBeLessThan(400);
  expect(message).not.toMatch(/onnxruntime_src|::|\n/);
  expect(hint.length).toBeGreaterThan(10);
});

test('twenty graphs within each other are a model like another', async () => {
  const { facts } = await prepare('onnx_deep_subgraphs', { classes: ['a', 'b'] });
  expect(facts.operators).toBe('If');
});

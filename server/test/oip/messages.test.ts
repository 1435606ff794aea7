import { expect, test } from 'vitest';
import { type ModelInferRequest, modelInferRequest } from '../../src/oip/infer-message.ts';
import { root } from '../../src/oip/messages.ts';
import { protos } from '../grpc/client.ts';

test('the server speaks the messages of spec/proto, all of them', () => {
  expect(root.toJSON()).toEqual(protos.toJSON());
});

const name = Buffer.from('\x0a\x01m');

test.each([
  ['inputs', '2a00'],
  ['raw contents', '3a00'],
  ['parameters', '2200'],
  ['fields that nobody knows', '7801'],
])('a message of a million empty %s is not made into objects', (_what, field) => {
  const bytes = Buffer.concat([name, Buffer.alloc(2_000_002, Buffer.from(field, 'hex'))]);
  expect(() => modelInferRequest.decode(bytes)).toThrow('more than 1000000 fields');
});

test('nor one of a million empty texts in a tensor; numbers are one field, as many as they are', () => {
  const withContents = (contents: { [field: string]: unknown[] }): Buffer =>
    modelInferRequest.encode({
      model_name: 'm',
      inputs: [{ name: 'x', datatype: 'BYTES', shape: [], parameters: {}, contents }],
    } as unknown as ModelInferRequest);
  const texts = withContents({ bytes_contents: new Array(1_000_000).fill(Buffer.alloc(0)) });
  expect(() => modelInferRequest.decode(texts)).toThrow('more than 1000000 fields');
  const floats = withContents({ fp32_contents: new Array(600_000).fill(1) });
  expect(modelInferRequest.decode(floats).inputs[0]!.contents!.fp32_contents).toHaveLength(600_000);
});

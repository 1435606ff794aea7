import type { IncomingMessage, ServerResponse } from 'node:http';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parseExact, stringify } from '../../../src/json.ts';
import { remote } from '../../../src/models/remote/remote.ts';
import { elements } from '../../../src/oip/elements.ts';
import { readOpenRow, writeOpenRow } from '../../../src/oip/open-rows.ts';
import { answerWidth, type Datatype } from '../../../src/signature.ts';
import { newFrame } from '../../../src/tensor.ts';
import { intoTexts, isInTexts, ofInteger, textAt } from '../../../src/texts.ts';
import { type Answer, type GrpcServed, saying, serveGrpc } from './grpc-upstream.ts';
import { attach, codeOf, predict, prepare } from './prepared.ts';
import { bodyOf, type Served, serve } from './upstream-of.ts';

/** Upstreams that answer with what they were sent, as it is: an output "out_…" for each input. */
let described: { name: string; datatype: string; shape: number[] }[] = [];
/** What they refuse, by the shape of the first input. */
let refuses: (shape: number[]) => boolean = () => false;
let askedRows: number[] = [];

interface Json {
  inputs: { name: string; shape: number[]; parameters?: { binary_data_size: number } }[];
}

const restEcho =
  (extensions: string[]) =>
  async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method === 'GET') {
      const metadata = { name: 'echo', versions: ['1'], platform: 'test', inputs: described };
      response.end(stringify(request.url === '/v2' ? { name: 'echo', extensions } : metadata));
      return;
    }
    const body = await bodyOf(request);
    const length = request.headers['inference-header-content-length'];
    const end = length === undefined ? body.length : Number(length);
    const { inputs } = parseExact(body.subarray(0, end).toString()) as Json;
    const { shape } = inputs[0]!;
    askedRows.push(shape[0]!);
    if (refuses(shape)) {
      response.writeHead(400).end('{"error":"not this size"}');
      return;
    }
    const json = Buffer.from(
      stringify({ outputs: inputs.map((one) => ({ ...one, name: `out_${one.name}` })) }),
    );
    if (length !== undefined) response.setHeader('inference-header-content-length', json.length);
    response.end(Buffer.concat([json, body.subarray(end)]));
  };

type GrpcInput = { name: string; datatype: string; shape: number[] };

/** With raw bytes, or with the values one by one as the protocol's typed contents hold them. */
const grpcEcho =
  (typed: boolean): Answer =>
  ({ request }, done) => {
    const { inputs, raw_input_contents: raw } = request as {
      inputs: GrpcInput[];
      raw_input_contents: Uint8Array[];
    };
    askedRows.push(inputs[0]!.shape[0]!);
    if (refuses(inputs[0]!.shape)) {
      saying(3, 'not this size')({ request } as never, done);
      return;
    }
    const outputs = inputs.map((input, i) => ({
      ...input,
      name: `out_${input.name}`,
      ...(typed ? { contents: contentsOf(input.datatype, raw[i]!) } : {}),
    }));
    done(null, typed ? { outputs } : { outputs, raw_output_contents: raw });
  };

function contentsOf(datatype: string, raw: Uint8Array): object {
  const bytes = Uint8Array.from(raw);
  const { buffer } = bytes;
  switch (datatype) {
    case 'BOOL':
      return { bool_contents: Array.from(bytes, Boolean) };
    case 'INT32':
      return { int_contents: [...new Int32Array(buffer)] };
    case 'UINT8':
      return { uint_contents: [...bytes] };
    case 'INT64':
      return { int64_contents: Array.from(new BigInt64Array(buffer), String) };
    case 'UINT64':
      return { uint64_contents: Array.from(new BigUint64Array(buffer), String) };
    case 'FP32':
      return { fp32_contents: [...new Float32Array(buffer)] };
    case 'FP64':
      return { fp64_contents: [...new Float64Array(buffer)] };
    default: {
      const texts: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; ) {
        const length = new DataView(buffer).getUint32(at, true);
        texts.push(bytes.subarray(at + 4, at + 4 + length));
        at += 4 + length;
      }
      return { bytes_contents: texts };
    }
  }
}

let json: Served;
let binary: Served;
let raw: GrpcServed;
let typed: GrpcServed;

beforeAll(async () => {
  [json, binary] = await Promise.all([serve(restEcho([])), serve(restEcho(['binary_tensor_data']))]);
  const metadata: Answer = (_call, done) =>
    done(null, { name: 'echo', versions: ['1'], platform: 'test', inputs: described });
  const server: Answer = (_call, done) => done(null, { name: 'echo', version: '1' });
  const served = (isTyped: boolean) =>
    serveGrpc({ ServerMetadata: server, ModelMetadata: metadata, ModelInfer: grpcEcho(isTyped) });
  [raw, typed] = await Promise.all([served(false), served(true)]);
});
afterAll(async () => {
  await Promise.all([json.close(), binary.close()]);
  raw.close();
  typed.close();
});
beforeEach(() => {
  refuses = () => false;
  askedRows = [];
});

const ways: [string, () => string][] = [
  ['JSON over REST', () => json.url],
  ['bytes over REST', () => binary.url],
  ['bytes over gRPC', () => raw.url],
  ['typed contents over gRPC', () => typed.url],
];

const whole = (min: bigint, max: bigint) =>
  fc
    .oneof(fc.bigInt({ min, max }), fc.constantFrom(min, max, 2n ** 53n + 1n))
    .filter((n) => n >= min && n <= max);
const finite = { noNaN: true, noDefaultInfinity: true };
/** What a column of each datatype may hold. */
const columns: [Datatype, fc.Arbitrary<boolean | number | bigint | string>][] = [
  ['BOOL', fc.boolean()],
  ['UINT8', fc.integer({ min: 0, max: 255 })],
  ['INT32', fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })],
  ['INT64', whole(-(2n ** 63n), 2n ** 63n - 1n)],
  ['UINT64', whole(0n, 2n ** 64n - 1n)],
  ['FP32', fc.float(finite)],
  ['FP64', fc.double(finite)],
  ['BYTES', fc.string({ unit: 'grapheme' })],
];
const widths = columns.map(([datatype]) => (datatype === 'FP32' ? 2 : 1));
const row = fc.tuple(
  ...columns.map(([, values], i) => fc.array(values, { minLength: widths[i]!, maxLength: widths[i]! })),
);

describe.each(ways)('%s', (way, url) => {
  test('whatever is sent comes back as it was, to the last digit', async () => {
    described = columns.map(([datatype], i) => ({
      name: datatype,
      datatype,
      shape: widths[i] === 1 ? [-1] : [-1, widths[i]!],
    }));
    const { program, signature, facts } = await prepare({ url: url() });
    if (!way.startsWith('typed')) expect(facts.tensors).toBe(way);
    const model = await remote.attach(program, signature);
    const width = answerWidth(signature);
    try {
      await fc.assert(
        fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 5 }), async (rows) => {
          const frame = newFrame(rows.length, width);
          const flat = rows.map((one) => one.flat());
          for (const [r, values] of flat.entries()) {
            for (const [c, value] of values.entries()) {
              const held =
                typeof value === 'string'
                  ? frame.texts.push(value) - 1
                  : typeof value === 'bigint'
                    ? ofInteger(value, frame.texts)
                    : Number(value);
              frame.values[r * width + c] = held;
            }
          }
          const answers = new Float64Array(rows.length * width);
          const texts: string[] = [];
          await model.predict(frame, answers, texts);
          const said = flat.map((values, r) =>
            values.map((value, c) => {
              const answer = answers[r * width + c]!;
              if (typeof value === 'string') return textAt(answer, texts);
              if (typeof value !== 'bigint') return typeof value === 'boolean' ? answer === 1 : answer + 0;
              return BigInt(isInTexts(answer) ? textAt(answer, texts) : answer);
            }),
          );
          const sent = flat.map((values) =>
            values.map((value) => (typeof value === 'number' ? value + 0 : value)),
          );
          expect(said).toEqual(sent);
        }),
        { numRuns: 40 },
      );
    } finally {
      await model.close?.();
    }
  });

  test.each([1, 4])('%i rows at once: any number of rows is asked in parts of as many', async (fixed) => {
    described = [{ name: 'x', datatype: 'FP64', shape: [fixed, 2] }];
    const model = await attach({ url: url() });
    expect(model.signature).toMatchObject({ rowsAtOnce: fixed, inputs: [{ shape: [-1, 2] }] });
    askedRows = [];
    const rows = Array.from({ length: 6 }, (_, i) => [i + 1, -i - 1]);
    expect(await predict(model, rows)).toEqual(rows.flat());
    expect(askedRows).toEqual(Array.from({ length: Math.ceil(6 / fixed) }, () => fixed));
  });

  test('inputs of any size are rows of any size, asked together where they have one', async () => {
    described = [{ name: 'x', datatype: 'INT64', shape: [-1, -1] }];
    const model = await attach({ url: url() });
    expect(model.signature.features).toEqual([{ name: 'x', type: 'tensor' }]);
    const rows = [[1n, 2n ** 60n + 1n], [3n, 4n], [5n]].map((values) => {
      const texts: string[] = [];
      const row = { shape: [values.length], values: values.map((one) => ofInteger(one, texts)), texts };
      return writeOpenRow('INT64', row);
    });
    const ask = async (some: string[]): Promise<string[]> => {
      const frame = newFrame(some.length, 1);
      frame.texts = some;
      frame.values.set(some.map((_, i) => i));
      const answers = new Float64Array(some.length);
      const texts: string[] = [];
      askedRows = [];
      await model.predict(frame, answers, texts);
      return Array.from(answers, (value) => textAt(value, texts));
    };
    expect(await ask(rows)).toEqual(rows);
    expect(askedRows).toEqual([1, 1, 1]);
    expect(await ask(rows.slice(0, 2))).toEqual(rows.slice(0, 2));
    expect(askedRows).toEqual([2]);
    expect(readOpenRow(model.signature.inputs[0]!, rows[0]!).shape).toEqual([2]);
  });

  test('an input that has an open dimension but takes one size only is refused with the way out', async () => {
    described = [{ name: 'x', datatype: 'FP64', shape: [-1, -1] }];
    refuses = ([, size]) => size !== 7;
    const failing = prepare({ url: url() });
    await expect(failing).rejects.toThrow('does not take every size');
    expect(await codeOf(failing)).toBe('FILE_UNSUPPORTED');
    const inputs = [{ name: 'x', datatype: 'FP64', shape: [-1, 7] }];
    expect((await prepare({ url: url(), inputs })).signature.features).toHaveLength(7);
  });
});

test('a width is not taken for a number of rows', async () => {
  // Divides by the sum of all: a softmax over four values, not four rows.
  const share = await serve(async (request, response) => {
    const inputs = [{ name: 'x', datatype: 'FP64', shape: [4] }];
    if (request.method === 'GET') response.end(JSON.stringify({ inputs }));
    else {
      const given = JSON.parse((await bodyOf(request)).toString()) as { inputs: { data: number[] }[] };
      const powers = given.inputs[0]!.data.map(Math.exp);
      const sum = powers.reduce((a, b) => a + b, 0);
      const outputs = [{ ...inputs[0], name: 'y', data: powers.map((one) => one / sum) }];
      response.end(JSON.stringify({ outputs }));
    }
  });
  try {
    const failing = prepare({ url: share.url });
    await expect(failing).rejects.toThrow('what is in the first is seen in what the others');
    expect(await codeOf(failing)).toBe('FILE_UNSUPPORTED');
  } finally {
    await share.close();
  }
});

test('what a datatype does not hold is not sent as something else', async () => {
  for (const datatype of ['INT32', 'BOOL', 'UINT64'] as const) {
    described = [{ name: 'x', datatype, shape: [-1, 1] }];
    const model = await attach({ url: raw.url, missing: true });
    for (const value of [Number.NaN, datatype === 'BOOL' ? 2 : -(2 ** 40)])
      if (elements[datatype].fromJson(value, []) === undefined)
        expect(await codeOf(predict(model, [[value]]))).toBe('FEATURE_MISTYPED');
    const texts: string[] = [];
    expect(isInTexts(intoTexts('1', texts))).toBe(true);
  }
});

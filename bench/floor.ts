import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import * as ort from 'onnxruntime-node';

/**
 * The floor: the least that a careful hand-written server does. Bare node:http, JSON.parse, onnxruntime-node,
 * JSON.stringify; no journal, no checks, no metrics. It knows what Slipway is asked in the same run: named features
 * (POST /predict/{model}), and the Open Inference Protocol as JSON and with binary tensors.
 * Usage: node bench/floor.ts MODELS.json, which holds {name: {file: "….onnx", features: [names]}}
 */
const described = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as {
  [name: string]: { file: string; features: string[] };
};

interface Model {
  features: string[];
  session: ort.InferenceSession;
  input: string;
  /** The output that holds the class probabilities, or the value. */
  last: string;
}

interface InferRequest {
  inputs: {
    shape: number[];
    datatype: string;
    data?: number[];
    parameters?: { binary_data_size: number };
  }[];
}

type Body = string | Buffer;
type Answer = (model: Model, body: Buffer, request: IncomingMessage) => Promise<[Body, object]>;

const jsonType = { 'content-type': 'application/json' };
const datatypes: { [type: string]: string } = { float32: 'FP32', int64: 'INT64' };

const handlers = new Map<string, { model: Model; answer: Answer }>();
for (const [name, { file, features }] of Object.entries(described)) {
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const model = { features, session, input: session.inputNames[0]!, last: session.outputNames.at(-1)! };
  handlers.set(`/predict/${name}`, { model, answer: predict });
  handlers.set(`/v2/models/${name}/infer`, { model, answer: infer });
}

async function predict(
  { features: names, session, input, last }: Model,
  body: Buffer,
): Promise<[Body, object]> {
  const { features } = JSON.parse(body.toString()) as { features: Record<string, number> };
  const row = new Float32Array(names.length);
  for (let i = 0; i < names.length; i++) row[i] = features[names[i]!]!;
  const outputs = await session.run({ [input]: new ort.Tensor('float32', row, [1, names.length]) });
  const p = outputs[last]!.data as Float32Array;
  const answer =
    p.length === 1
      ? { prediction: p[0] }
      : {
          prediction: Number((outputs.label!.data as BigInt64Array)[0]),
          probabilities: { 0: p[0], 1: p[1] },
        };
  return [JSON.stringify(answer), jsonType];
}

async function infer(
  { session, input }: Model,
  body: Buffer,
  request: IncomingMessage,
): Promise<[Body, object]> {
  const length = request.headers['inference-header-content-length'];
  const json = length === undefined ? body : body.subarray(0, Number(length));
  const { shape, datatype, data } = (JSON.parse(json.toString()) as InferRequest).inputs[0]!;
  const values = data ? Float32Array.from(data) : floats(body.subarray(json.length), datatype);
  const outputs = Object.entries(await session.run({ [input]: new ort.Tensor('float32', values, shape) }));
  if (data) {
    const listed = outputs.map(([name, { type, dims, data }]) => ({
      name,
      datatype: datatypes[type],
      shape: dims,
      data: type === 'int64' ? Array.from(data as BigInt64Array, Number) : Array.from(data as Float32Array),
    }));
    return [JSON.stringify({ model_name: 'model', model_version: '1', outputs: listed }), jsonType];
  }
  const tensors = outputs.map(([name, { type, dims, data }]) => {
    const { buffer, byteOffset, byteLength } = data as Float32Array;
    return {
      said: { name, datatype: datatypes[type], shape: dims, parameters: { binary_data_size: byteLength } },
      bytes: Buffer.from(buffer, byteOffset, byteLength),
    };
  });
  const head = Buffer.from(
    JSON.stringify({ model_name: 'model', model_version: '1', outputs: tensors.map(({ said }) => said) }),
  );
  return [
    Buffer.concat([head, ...tensors.map(({ bytes }) => bytes)]),
    { 'content-type': 'application/octet-stream', 'inference-header-content-length': head.length },
  ];
}

/** Copied where the bytes lie at an odd place, as they mostly do behind JSON. */
function floats(bytes: Buffer, datatype: string): Float32Array {
  const { buffer } = new Uint8Array(bytes);
  return datatype === 'FP64' ? Float32Array.from(new Float64Array(buffer)) : new Float32Array(buffer);
}

const server = createServer((request, response) => {
  const { model, answer } = handlers.get(request.url!)!;
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', async () => {
    const [body, headers] = await answer(model, Buffer.concat(chunks), request);
    response.writeHead(200, { ...headers, 'content-length': Buffer.byteLength(body) });
    response.end(body);
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object' && address) process.send?.({ port: address.port });
});
process.on('disconnect', () => process.exit(0));

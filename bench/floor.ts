import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import * as ort from 'onnxruntime-node';

/**
 * The floor: the least that a careful hand-written server does for one model. Bare node:http, JSON.parse,
 * onnxruntime-node, JSON.stringify; no journal, no checks, no metrics.
 * Usage: node bench/floor.ts MODEL.onnx FEATURES.json
 */
const [model, featuresFile] = process.argv.slice(2) as [string, string];
const names = JSON.parse(readFileSync(featuresFile, 'utf8')) as string[];
const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1 });
const input = session.inputNames[0]!;

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', async () => {
    const { features } = JSON.parse(Buffer.concat(chunks).toString()) as { features: Record<string, number> };
    const row = new Float32Array(names.length);
    for (let i = 0; i < names.length; i++) row[i] = features[names[i]!]!;
    const outputs = await session.run({ [input]: new ort.Tensor('float32', row, [1, names.length]) });
    const p = outputs.probabilities!.data as Float32Array;
    const body = JSON.stringify({
      prediction: Number((outputs.label!.data as BigInt64Array)[0]),
      probabilities: { 0: p[0], 1: p[1] },
    });
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    });
    response.end(body);
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object' && address) process.send?.({ port: address.port });
});
process.on('message', () => process.send?.({ cpu: process.cpuUsage() }));
process.on('disconnect', () => process.exit(0));

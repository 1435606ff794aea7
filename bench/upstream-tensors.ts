import { parseJson } from '../server/src/json.ts';
import { answerValues } from '../server/src/models/remote/answer-values.ts';
import { readInferResponse, writeInferRequest } from '../server/src/oip/infer-client.ts';
import { readInferMessageResponse, writeInferMessage } from '../server/src/oip/infer-client-message.ts';
import { modelInferResponse } from '../server/src/oip/infer-message.ts';

/**
 * What a value costs a lane that asks an upstream: written into a request and read out of an answer, as JSON over REST,
 * as bytes behind it, and as bytes over gRPC. 1,000 rows of 28 random float64, by turns in one run; CPU time, so that
 * other work on the machine counts less.
 *
 *   node bench/upstream-tensors.ts      ROUNDS=5
 */
const rounds = Number(process.env.ROUNDS ?? 5);
const [rows, width] = [1000, 28];
const warm = 20;
const calls = 50;
const spec = { name: 'x', datatype: 'FP64' as const, shape: [-1, width], column: 0, width };
const values = Float64Array.from({ length: rows * width }, () => Math.random() * 100);
const frame = { rows, width, values, texts: [] };
const shape = [rows, width];

const raw = Buffer.from(values.buffer);
const output = { name: 'y', datatype: 'FP64' as const, shape };
const json = Buffer.from(JSON.stringify({ outputs: [{ ...output, data: [...values] }] }));
const head = Buffer.from(
  JSON.stringify({ outputs: [{ ...output, parameters: { binary_data_size: raw.length } }] }),
);
const message = modelInferResponse.encode({
  model_name: 'm',
  model_version: '1',
  id: '',
  parameters: {},
  outputs: [output],
  raw_output_contents: [raw],
});

const none = new Map<string, number>();
const no = Buffer.alloc(0);
const ways: Record<string, { write: () => unknown; read: () => ArrayLike<number> }> = {
  'JSON over REST': {
    write: () => Buffer.from(writeInferRequest([spec], frame, ['y'], false).json),
    read: () => answerValues(readInferResponse(parseJson(json, true), no)[0]!, 'FP64', none, []),
  },
  'bytes over REST': {
    write: () => {
      const { json, binary } = writeInferRequest([spec], frame, ['y'], true);
      return Buffer.concat([Buffer.from(json), ...binary]);
    },
    read: () => answerValues(readInferResponse(parseJson(head, true), raw)[0]!, 'FP64', none, []),
  },
  'bytes over gRPC': {
    write: () => writeInferMessage('m', '1', [spec], frame, ['y']),
    read: () => answerValues(readInferMessageResponse(message)[0]!, 'FP64', none, []),
  },
};

/** ns a value. */
function cost(run: () => unknown): number {
  for (let i = 0; i < warm; i++) run();
  const since = process.cpuUsage();
  for (let i = 0; i < calls; i++) run();
  const { user, system } = process.cpuUsage(since);
  return ((user + system) * 1000) / calls / values.length;
}

const costs = new Map<string, { write: number[]; read: number[] }>();
for (const [way, { read }] of Object.entries(ways)) {
  if (String(Array.from(read())) !== String(Array.from(values))) throw new Error(`${way} reads other values`);
  costs.set(way, { write: [], read: [] });
}
for (let round = 0; round < rounds; round++) {
  for (const [way, { write, read }] of Object.entries(ways)) {
    costs.get(way)!.write.push(cost(write));
    costs.get(way)!.read.push(cost(read));
  }
}
const median = (all: number[]): number => all.sort((a, b) => a - b)[all.length >> 1]!;
const floor = costs.get('JSON over REST')!;
for (const [way, { write, read }] of costs) {
  const [w, r] = [median(write), median(read)];
  console.log(
    `${way}: ${w.toFixed(1)} ns a value written (${(median(floor.write) / w).toFixed(1)} times as fast as JSON), ${r.toFixed(1)} read (${(median(floor.read) / r).toFixed(1)} times)`,
  );
}

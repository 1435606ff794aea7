import { plainMessage } from '../../server/src/oip/messages.ts';
import type { Answer, Shot } from '../load.ts';
import { post } from '../load.ts';
import { grpcFrame } from '../load-grpc.ts';
import type { Workload } from './workloads.ts';

/** A request for rows [from, from + rows) of a workload, and the model's answer a row in what came back. */
export interface Protocol {
  /** `datatype`: of the model's one input, X. */
  request(workload: Workload, model: string, datatype: string, from: number, rows: number): Buffer;
  answers(answer: Answer, rows: number): ArrayLike<number>;
}

/** Slipway's own JSON. */
const predict: Protocol = {
  request: ({ features, values }, model, _datatype, from, rows) => {
    const row = (index: number): string =>
      `{${features.map((name, k) => `${JSON.stringify(name)}:${values[index * features.length + k]}`).join()}}`;
    const body =
      rows === 1
        ? `{"features":${row(from)}}`
        : `{"rows":[${Array.from({ length: rows }, (_, k) => row(from + k)).join()}]}`;
    return post(`/predict/${model}`, body);
  },
  answers: ({ body }) => {
    const value = JSON.parse(body.toString()) as { predictions?: Row[] } & Row;
    return (value.predictions ?? [value]).map(({ prediction, probabilities }) =>
      probabilities === undefined ? prediction : Object.values(probabilities).at(-1)!,
    );
  },
};

interface Row {
  prediction: number;
  probabilities?: Record<string, number>;
}

interface Output {
  shape: number[];
  datatype: string;
  data?: number[];
  parameters?: { binary_data_size: number };
}

/** The Open Inference Protocol as JSON. */
const oip: Protocol = {
  request: (workload, model, datatype, from, rows) => {
    const { features, data } = slice(workload, from, rows);
    const input = `{"name":"X","shape":[${rows},${features}],"datatype":"${datatype}","data":[${data.join()}]}`;
    return post(`/v2/models/${model}/infer`, `{"inputs":[${input}]}`);
  },
  answers: ({ body }, rows) => {
    const { outputs } = JSON.parse(body.toString()) as { outputs: Output[] };
    return lastColumn(outputs.at(-1)!.data!, rows);
  },
};

/** The same with the tensors' bytes behind the JSON, both ways. */
const binary: Protocol = {
  request: (workload, model, datatype, from, rows) => {
    const { features, data } = slice(workload, from, rows);
    const bytes = bytesOf(data, datatype);
    const json = JSON.stringify({
      inputs: [
        {
          name: 'X',
          shape: [rows, features],
          datatype,
          parameters: { binary_data_size: bytes.length },
        },
      ],
      parameters: { binary_data_output: true },
    });
    return post(`/v2/models/${model}/infer`, Buffer.concat([Buffer.from(json), bytes]), {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': String(json.length),
    });
  },
  answers: ({ body, head }, rows) => {
    const length = Number(/inference-header-content-length: (\d+)/i.exec(head)![1]);
    const { outputs } = JSON.parse(body.subarray(0, length).toString()) as { outputs: Output[] };
    const last = outputs.at(-1)!;
    return lastColumn(
      valuesOf(body.subarray(body.length - last.parameters!.binary_data_size), last.datatype),
      rows,
    );
  },
};

const modelInferRequest = plainMessage<object>('inference.ModelInferRequest');
const modelInferResponse = plainMessage<{ outputs: Output[]; raw_output_contents: Uint8Array[] }>(
  'inference.ModelInferResponse',
);

/** The Open Inference Protocol over gRPC, raw contents, as tritonclient sends it. */
const grpc: Protocol = {
  request: (workload, model, datatype, from, rows) => {
    const { features, data } = slice(workload, from, rows);
    return grpcFrame(
      modelInferRequest.encode({
        model_name: model,
        inputs: [{ name: 'X', datatype, shape: [rows, features] }],
        raw_input_contents: [bytesOf(data, datatype)],
      }),
    );
  },
  answers: ({ body }, rows) => {
    const { outputs, raw_output_contents } = modelInferResponse.decode(body.subarray(5));
    return lastColumn(valuesOf(raw_output_contents.at(-1)!, outputs.at(-1)!.datatype), rows);
  },
};

export const protocols = { predict, oip, binary, grpc };
export type ProtocolName = keyof typeof protocols;

/** Every row of a workload, so many a request, with every answer checked. */
export function shotsOf(
  protocol: ProtocolName,
  workload: Workload,
  model: string,
  datatype: string,
  rows: number,
  tolerance: number,
): Shot[] {
  const { expected } = workload;
  const { request, answers } = protocols[protocol];
  return Array.from({ length: Math.floor(expected.length / rows) }, (_, k) => {
    const from = k * rows;
    return {
      bytes: request(workload, model, datatype, from, rows),
      check: (answer) => {
        const got = answers(answer, rows);
        if (got.length !== rows) throw new Error(`${got.length} answers for ${rows} rows`);
        for (let row = 0; row < rows; row++) {
          const [is, wanted] = [got[row]!, expected[from + row]!];
          if (!(Math.abs(is - wanted) <= tolerance * Math.max(1, Math.abs(wanted))))
            throw new Error(`Row ${from + row}: ${is}, not ${wanted}`);
        }
      },
    };
  });
}

function slice({ features, values }: Workload, from: number, rows: number) {
  const width = features.length;
  return { features: width, data: values.subarray(from * width, (from + rows) * width) };
}

function bytesOf(data: Float32Array, datatype: string): Buffer {
  const array = datatype === 'FP64' ? Float64Array.from(data) : Float32Array.from(data);
  return Buffer.from(array.buffer);
}

function valuesOf(bytes: Uint8Array, datatype: string): ArrayLike<number> {
  // Copied, because views of typed arrays begin at multiples of their size.
  const { buffer } = new Uint8Array(bytes);
  return datatype === 'FP64' ? new Float64Array(buffer) : new Float32Array(buffer);
}

function lastColumn(data: ArrayLike<number>, rows: number): ArrayLike<number> {
  const width = data.length / rows;
  return Float64Array.from({ length: rows }, (_, row) => data[row * width + width - 1]!);
}

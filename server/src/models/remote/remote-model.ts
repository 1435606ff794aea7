import { elements } from '../../oip/elements.ts';
import { type GivenOutput, readInferResponse, writeInferRequest } from '../../oip/infer-client.ts';
import { shown } from '../../shown.ts';
import { answerWidth, type Signature, type TensorSpec } from '../../signature.ts';
import type { Frame } from '../../tensor.ts';
import { intoTexts } from '../../texts.ts';
import type { UpstreamCounts } from '../../upstream-counts.ts';
import type { Model } from '../model.ts';
import type { RemoteSettings } from './settings.ts';
import { Upstream } from './upstream.ts';

/** What an answer may be long besides its values, and for each of those, bytes. */
const frameBytes = 64 * 1024;
const valueBytes = 256;

/** Values of rows and answers in one request: more rows go in several, one after the other. */
const valuesAtOnce = 65_536;

/** A model that stays where it is: its rows are sent to its upstream, and the answers are put in their place. */
export class RemoteModel implements Model {
  readonly signature: Signature;
  readonly #upstream: Upstream;
  readonly #width: number;
  readonly #outputs: string[];
  readonly #classes: ReadonlyMap<string, number>;

  constructor(settings: RemoteSettings, signature: Signature) {
    this.signature = signature;
    this.#upstream = new Upstream(settings);
    this.#width = answerWidth(signature);
    this.#outputs = signature.outputs.map(({ name }) => name);
    this.#classes = new Map((signature.classes ?? []).map((label, index) => [String(label), index]));
  }

  get upstream(): UpstreamCounts {
    return this.#upstream.counts;
  }

  /** Frame and answers are the model's until it has answered. Rejects with UPSTREAM_* or FEATURE_MISTYPED. */
  async predict(frame: Frame, answers: Float64Array, texts: string[]): Promise<void> {
    const step = Math.max(1, Math.floor(valuesAtOnce / (frame.width + this.#width)));
    for (let from = 0; from < frame.rows; from += step) {
      const rows = Math.min(step, frame.rows - from);
      const part = { ...frame, rows, values: frame.values.subarray(from * frame.width) };
      await this.#ask(part, answers.subarray(from * this.#width), texts);
    }
  }

  close(): Promise<void> {
    return this.#upstream.close();
  }

  async #ask(frame: Frame, answers: Float64Array, texts: string[]): Promise<void> {
    const body = writeInferRequest(this.signature.inputs, frame, this.#outputs);
    const mostBytes = frameBytes + frame.rows * this.#width * valueBytes;
    await this.#upstream.ask(body, mostBytes, (value) => {
      const given = readInferResponse(value);
      for (const spec of this.signature.outputs) this.#copy(given, spec, frame.rows, answers, texts);
    });
  }

  #copy(given: GivenOutput[], spec: TensorSpec, rows: number, answers: Float64Array, texts: string[]): void {
    const output = given.find(({ name }) => name === spec.name);
    if (!output) throw new Error(`output "${spec.name}" is missing.`);
    const { datatype, shape, values } = output;
    const fits =
      datatype === spec.datatype &&
      shape[0] === rows &&
      shape.length === spec.shape.length &&
      spec.shape.every((size, i) => i === 0 || size === shape[i]) &&
      values.length === rows * spec.width;
    if (!fits) {
      const was = `${shown(datatype)} [${shape.slice(0, 10)}] of ${values.length} values`;
      throw new Error(
        `output "${spec.name}" is ${was}, not ${spec.datatype} [${spec.shape}] of ${rows} rows.`,
      );
    }
    for (let row = 0, i = 0; row < rows; row++) {
      const from = row * this.#width + spec.column;
      for (let k = 0; k < spec.width; k++, i++) {
        const value = this.#valueOf(spec, values[i], texts);
        if (value === undefined) {
          throw new Error(`value ${i} of output "${spec.name}" is ${shown(values[i])}, no ${spec.datatype}.`);
        }
        answers[from + k] = value;
      }
    }
  }

  /** Labels become indices of the classes, other text goes to `texts`. */
  #valueOf({ datatype }: TensorSpec, value: unknown, texts: string[]): number | undefined {
    if (datatype !== 'BYTES') return elements[datatype].fromJson(value, texts);
    return typeof value === 'string' ? (this.#classes.get(value) ?? intoTexts(value, texts)) : undefined;
  }
}

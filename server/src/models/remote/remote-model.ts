import type { GivenTensor } from '../../oip/tensors.ts';
import { shown } from '../../shown.ts';
import { answerWidth, type Signature, type TensorSpec } from '../../signature.ts';
import type { Frame } from '../../tensor.ts';
import type { UpstreamCounts } from '../../upstream-counts.ts';
import { nobody, type Waiting } from '../../waiting.ts';
import type { Model } from '../model.ts';
import { answerValues } from './answer-values.ts';
import type { Asker, Upstream } from './upstream.ts';

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

  constructor(upstream: Upstream, signature: Signature) {
    this.signature = signature;
    this.#upstream = upstream;
    this.#width = answerWidth(signature);
    this.#outputs = signature.outputs.map(({ name }) => name);
    this.#classes = new Map((signature.classes ?? []).map((label, index) => [String(label), index]));
  }

  get upstream(): UpstreamCounts {
    return this.#upstream.counts;
  }

  /**
   * Frame and answers are the model's until it has answered. Rejects with UPSTREAM_*, FEATURE_MISTYPED, and with TIMEOUT
   * or CANCELLED where nobody waits any more.
   */
  async predict(
    frame: Frame,
    answers: Float64Array,
    texts: string[],
    waiting: Waiting = nobody,
  ): Promise<void> {
    const asker = askerOf(waiting);
    const step = Math.max(1, Math.floor(valuesAtOnce / (frame.width + this.#width)));
    for (let from = 0; from < frame.rows; from += step) {
      const rows = Math.min(step, frame.rows - from);
      const part = { ...frame, rows, values: frame.values.subarray(from * frame.width) };
      await this.#ask(part, answers.subarray(from * this.#width), texts, asker);
    }
  }

  close(): Promise<void> {
    return this.#upstream.close();
  }

  async #ask(frame: Frame, answers: Float64Array, texts: string[], asker: Asker): Promise<void> {
    const { inputs, outputs } = this.signature;
    const mostBytes = frameBytes + frame.rows * this.#width * valueBytes;
    const copy = (given: GivenTensor[]): void => {
      for (const spec of outputs) this.#copy(given, spec, frame.rows, answers, texts);
    };
    await this.#upstream.infer(inputs, frame, this.#outputs, mostBytes, copy, asker);
  }

  #copy(given: GivenTensor[], spec: TensorSpec, rows: number, answers: Float64Array, texts: string[]): void {
    const output = given.find(({ name }) => name === spec.name);
    if (!output) throw new Error(`output "${spec.name}" is missing.`);
    const { datatype, shape } = output;
    const isAgreed =
      datatype === spec.datatype &&
      shape[0] === rows &&
      shape.length === spec.shape.length &&
      spec.shape.every((size, i) => i === 0 || size === shape[i]);
    const values = isAgreed ? answerValues(output, spec.datatype, this.#classes, texts) : null;
    if (values?.length !== rows * spec.width) {
      const count = values ? ` of ${values.length} values` : '';
      throw new Error(
        `output "${spec.name}" is ${shown(datatype)} [${shape.slice(0, 10)}]${count}, not ${spec.datatype} [${spec.shape}] of ${rows} rows.`,
      );
    }
    for (let row = 0, i = 0; row < rows; row++) {
      const from = row * this.#width + spec.column;
      for (let k = 0; k < spec.width; k++, i++) answers[from + k] = values[i]!;
    }
  }
}

/** Whoever waits is listened to once, however many requests are made for them. */
function askerOf({ deadline, trace, cancellation }: Waiting): Asker {
  const gone = new AbortController();
  if (cancellation.cancelled) gone.abort();
  else cancellation.whenCancelled(() => gone.abort());
  return { deadline, trace, gone: gone.signal };
}

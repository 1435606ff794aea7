import { fixedRows, haveOneSize, writeOpenRow } from '../../oip/open-rows.ts';
import type { GivenTensor } from '../../oip/tensors.ts';
import { shown } from '../../shown.ts';
import { answerWidth, isOpen, type Signature, type TensorSpec } from '../../signature.ts';
import type { Frame } from '../../tensor.ts';
import { intoTexts } from '../../texts.ts';
import type { UpstreamCounts } from '../../upstream-counts.ts';
import { nobody, type Waiting } from '../../waiting.ts';
import type { Listener, Model } from '../model.ts';
import { answerValues } from './answer-values.ts';
import type { Asker } from './bound.ts';
import { mostAnswerBytes } from './protocol.ts';
import type { Upstream } from './upstream.ts';

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
    const step = this.#rowsInOne(frame);
    for (let from = 0; from < frame.rows; from += step) {
      const rows = Math.min(step, frame.rows - from);
      const part = { ...frame, rows, values: frame.values.subarray(from * frame.width) };
      await this.#ask(part, answers.subarray(from * this.#width), texts, asker);
    }
  }

  listen(listener: Listener): void {
    this.#upstream.listen(listener);
  }

  close(): Promise<void> {
    return this.#upstream.close();
  }

  /** How many of its rows go in one request. Rows of different sizes go one by one. */
  #rowsInOne(frame: Frame): number {
    const { inputs, rowsAtOnce } = this.signature;
    const open = inputs.filter(isOpen);
    if (!haveOneSize(open, frame)) return 1;
    const values = open.reduce((sum, spec) => sum + fixedRows(spec, frame, 0, 1).spec.width, frame.width);
    return rowsAtOnce ?? Math.max(1, Math.floor(valuesAtOnce / (values + this.#width)));
  }

  async #ask(frame: Frame, answers: Float64Array, texts: string[], asker: Asker): Promise<void> {
    const { inputs, outputs, rowsAtOnce = frame.rows } = this.signature;
    const asked = padded(frame, rowsAtOnce);
    const mostBytes = outputs.some(isOpen)
      ? mostAnswerBytes
      : frameBytes + asked.rows * this.#width * valueBytes;
    const copy = (given: GivenTensor[]): void => {
      for (const spec of outputs) this.#copy(given, spec, asked.rows, frame.rows, answers, texts);
    };
    await this.#upstream.infer(inputs, asked, this.#outputs, mostBytes, copy, asker);
  }

  /** Of the rows that were asked, the first `rows` are answered. */
  #copy(
    given: GivenTensor[],
    spec: TensorSpec,
    asked: number,
    rows: number,
    answers: Float64Array,
    texts: string[],
  ): void {
    const output = given.find(({ name }) => name === spec.name);
    if (!output) throw new Error(`output "${spec.name}" is missing.`);
    const { datatype, shape } = output;
    const isAgreed =
      datatype === spec.datatype &&
      shape[0] === asked &&
      shape.length === spec.shape.length &&
      spec.shape.every((size, i) => i === 0 || size < 0 || size === shape[i]);
    const inner = shape.slice(1);
    const each = inner.reduce((product, size) => product * size, 1);
    const own: string[] = isOpen(spec) ? [] : texts;
    const values = isAgreed
      ? answerValues(output, spec.datatype, isOpen(spec) ? noClasses : this.#classes, own)
      : null;
    if (values?.length !== asked * each) {
      const count = values ? ` of ${values.length} values` : '';
      throw new Error(
        `output "${spec.name}" is ${shown(datatype)} [${shape.slice(0, 10)}]${count}, not ${spec.datatype} [${spec.shape}] of ${asked} rows.`,
      );
    }
    for (let row = 0, i = 0; row < rows; row++) {
      const from = row * this.#width + spec.column;
      if (isOpen(spec)) {
        const part = Array.from({ length: each }, () => values[i++]!);
        answers[from] = intoTexts(
          writeOpenRow(spec.datatype, { shape: inner, values: part, texts: own }),
          texts,
        );
      } else for (let k = 0; k < spec.width; k++, i++) answers[from + k] = values[i]!;
    }
  }
}

const noClasses: ReadonlyMap<string, number> = new Map();

/** As many rows as are taken at once: the last of them again and again, for which nobody waits. */
function padded(frame: Frame, rows: number): Frame {
  if (frame.rows === rows) return frame;
  const { width } = frame;
  const values = new Float64Array(rows * width);
  values.set(frame.values.subarray(0, frame.rows * width));
  const last = values.slice((frame.rows - 1) * width, frame.rows * width);
  for (let row = frame.rows; row < rows; row++) values.set(last, row * width);
  return { ...frame, rows, values };
}

/** Whoever waits is listened to once, however many requests are made for them. */
function askerOf({ deadline, trace, cancellation }: Waiting): Asker {
  const gone = new AbortController();
  if (cancellation.cancelled) gone.abort();
  else cancellation.whenCancelled(() => gone.abort());
  return { deadline, trace, gone: gone.signal };
}

import { InferenceSession, type Tensor } from 'onnxruntime-node';
import { SlipwayError } from '../../errors.ts';
import { haveOneSize } from '../../oip/open-rows.ts';
import { answerWidth, type Signature } from '../../signature.ts';
import type { Frame } from '../../tensor.ts';
import type { Model } from '../model.ts';
import { reasonOf, refusesRow } from './reason.ts';
import { runtimeIsLoaded } from './runtime.ts';
import { defaultSettings, type OnnxSettings } from './settings.ts';
import { plainRows } from './strict-categories.ts';
import { copyOutput, inputTensor } from './tensors.ts';

runtimeIsLoaded();

export function openSession(
  file: Uint8Array,
  { threads, optimization }: OnnxSettings = defaultSettings,
): Promise<InferenceSession> {
  return InferenceSession.create(file, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: optimization,
    logSeverityLevel: 4,
    // Without it products of 8-bit numbers overflow on x64 processors that have no VNNI: wrong answers there only.
    extra: { session: { x64quantprecision: '1' } },
  });
}

/** An ONNX graph on onnxruntime. `rowsAtOnce` 1: the graph was exported for one row; rows go one by one. */
export class OnnxSession implements Model {
  readonly signature: Signature;
  readonly #session: InferenceSession;
  readonly #rowsAtOnce: number;
  readonly #width: number;
  readonly #names: string[];
  readonly #plain: (frame: Frame) => Frame;

  constructor(session: InferenceSession, signature: Signature, rowsAtOnce: number) {
    this.signature = signature;
    this.#session = session;
    this.#rowsAtOnce = rowsAtOnce;
    this.#width = answerWidth(signature);
    this.#names = signature.outputs.map(({ name }) => name);
    this.#plain = plainRows(signature.features);
  }

  /** All rows are copied before the first wait: the frame may be used again at once, the answers not. */
  async predict(rows: Frame, answers: Float64Array, texts: string[]): Promise<void> {
    const frame = this.#plain(rows);
    const { inputs, outputs, classes } = this.signature;
    const step = haveOneSize(inputs, frame) ? Math.min(frame.rows, this.#rowsAtOnce) : 1;
    const parts: { from: number; feeds: Record<string, Tensor> }[] = [];
    for (let from = 0; from < frame.rows; from += step) {
      const feeds: Record<string, Tensor> = {};
      for (const spec of inputs) feeds[spec.name] = inputTensor(spec, frame, from, from + step);
      parts.push({ from, feeds });
    }
    for (const { from, feeds } of parts) {
      const results = await this.#session.run(feeds, this.#names).catch((error: unknown) => {
        throw new SlipwayError(refusesRow(error) ? 'ROW_REFUSED' : 'PREDICTION_FAILED', reasonOf(error));
      });
      for (const spec of outputs)
        copyOutput(results[spec.name]!, spec, classes, answers, texts, this.#width, from);
    }
  }

  close(): Promise<void> {
    return this.#session.release();
  }
}

import type { Signature } from '../../signature.ts';
import type { Frame } from '../../tensor.ts';
import type { Learner } from '../model.ts';
import { decodeState, encodeState, freshState, type LogisticState } from './state.ts';

export interface LogisticRates {
  /** Of the weights. */
  learningRate: number;
  /** The intercept has a constant rate of its own. */
  interceptLearningRate: number;
}

/** A step that would move a weight further than this is refused: standardised inputs make honest steps small. */
export const largestStep = 10;

/**
 * Running standardisation and logistic regression by stochastic gradient descent, as River's
 * `StandardScaler | LogisticRegression(SGD)` computes it (river 0.26, to the last bits): learning first
 * updates the running mean and population variance (Welford), then standardises with them; the gradient
 * σ(w·z + b) − y is computed once, the intercept moves first, then the weights. A feature whose variance is 0
 * is standardised to 0. A missing value (NaN) is the mean: standardised 0, and its statistics and weight stay.
 */
export class LogisticLearner implements Learner {
  readonly signature: Signature;
  readonly #rates: LogisticRates;
  readonly #features: number;
  #state: LogisticState;
  /** p = σ(Σ slope·x + offset): the same function with the standardisation folded in. */
  readonly #slope: Float64Array;
  readonly #z: Float64Array;
  #offset = 0;
  /** The folded form belongs to the present state. */
  #folded = false;

  constructor(signature: Signature, rates: LogisticRates, state?: LogisticState) {
    this.signature = signature;
    this.#rates = rates;
    this.#features = signature.features.length;
    this.#state = state ?? freshState(this.#features);
    this.#slope = new Float64Array(this.#features);
    this.#z = new Float64Array(this.#features);
  }

  predict(frame: Frame, answers: Float64Array): void {
    if (!this.#folded) this.#fold();
    const { values, width } = frame;
    const slope = this.#slope;
    for (let row = 0; row < frame.rows; row++) {
      const from = row * width;
      let sum = this.#offset;
      for (let i = 0; i < width; i++) sum += slope[i]! * values[from + i]!;
      // NaN anywhere, or infinities that met: the slow way knows what is missing.
      answers[row] = sigmoid(Number.isFinite(sum) ? sum : this.#margin(values, from));
    }
  }

  learn(values: Float64Array, target: number): boolean {
    const { mean, variance, weights, count, intercept } = this.#state;
    const n = count + 1;
    const z = this.#z;
    const nextMean = new Float64Array(this.#features);
    const nextVariance = new Float64Array(this.#features);
    let margin = intercept;
    for (let i = 0; i < this.#features; i++) {
      const x = values[i]!;
      if (Number.isNaN(x)) {
        nextMean[i] = mean[i]!;
        nextVariance[i] = variance[i]!;
        z[i] = 0;
        continue;
      }
      const off = x - mean[i]!;
      const m = mean[i]! + off / n;
      const v = variance[i]! + (off * (x - m) - variance[i]!) / n;
      nextMean[i] = m;
      nextVariance[i] = v;
      z[i] = v > 0 ? (x - m) / Math.sqrt(v) : 0;
      margin += weights[i]! * z[i]!;
    }
    const gradient = sigmoid(margin) - target;
    const nextIntercept = intercept - this.#rates.interceptLearningRate * gradient;
    const nextWeights = new Float64Array(this.#features);
    let sound = Number.isFinite(nextIntercept) && Number.isFinite(gradient);
    for (let i = 0; i < this.#features; i++) {
      const step = this.#rates.learningRate * gradient * z[i]!;
      nextWeights[i] = weights[i]! - step;
      sound &&= Math.abs(step) <= largestStep && Number.isFinite(nextWeights[i]!);
      sound &&= Number.isFinite(nextMean[i]!) && Number.isFinite(nextVariance[i]!);
    }
    if (!sound) return false;
    this.#state = {
      count: n,
      intercept: nextIntercept,
      mean: nextMean,
      variance: nextVariance,
      weights: nextWeights,
    };
    this.#folded = false;
    return true;
  }

  state(): Uint8Array {
    return encodeState(this.#state);
  }

  restore(state: Uint8Array): void {
    this.#state = decodeState(state, this.#features);
    this.#folded = false;
  }

  #fold(): void {
    const { mean, variance, weights, intercept } = this.#state;
    let offset = intercept;
    for (let i = 0; i < this.#features; i++) {
      const slope = variance[i]! > 0 ? weights[i]! / Math.sqrt(variance[i]!) : 0;
      this.#slope[i] = slope;
      offset -= slope * mean[i]!;
    }
    this.#offset = offset;
    this.#folded = true;
  }

  #margin(values: Float64Array, from: number): number {
    const { mean, variance, weights, intercept } = this.#state;
    let sum = intercept;
    for (let i = 0; i < this.#features; i++) {
      const x = values[from + i]!;
      if (!Number.isNaN(x) && variance[i]! > 0)
        sum += weights[i]! * ((x - mean[i]!) / Math.sqrt(variance[i]!));
    }
    return Number.isNaN(sum) ? intercept : sum;
  }
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

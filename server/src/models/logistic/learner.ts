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
 * `StandardScaler | LogisticRegression(SGD)` computes it (river 0.26): learning first updates the running
 * mean and population variance (Welford), then standardises with them; the gradient σ(w·z + b) − y is
 * computed once, the intercept moves first, then the weights. A feature whose variance is 0 is standardised
 * to 0. A missing value (NaN) is the mean: standardised 0; its feature's statistics and weight stay.
 */
export class LogisticLearner implements Learner {
  readonly signature: Signature;
  readonly #rates: LogisticRates;
  readonly #features: number;
  #state: LogisticState;
  /** Where the next state is written: it becomes the state only when all of it is sound. */
  #next: LogisticState;
  /** p = σ(offset + Σ slope·x): the same function with the standardisation folded in, one dot product a row. */
  readonly #slope: Float64Array;
  #offset = 0;
  readonly #z: Float64Array;
  /** The folded form belongs to the present state. */
  #folded = false;

  constructor(signature: Signature, rates: LogisticRates, state?: LogisticState) {
    this.signature = signature;
    this.#rates = rates;
    this.#features = signature.features.length;
    this.#state = state ?? freshState(this.#features);
    this.#next = freshState(this.#features);
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
    if (target !== 0 && target !== 1) return false;
    const { counts, mean, variance, weights, intercept } = this.#state;
    const next = this.#next;
    const z = this.#z;
    let sound = true;
    let margin = intercept;
    for (let i = 0; i < this.#features; i++) {
      const x = values[i]!;
      const seen = Number.isNaN(x) ? 0 : 1;
      const n = counts[i]! + seen;
      const off = seen === 1 ? x - mean[i]! : 0;
      const m = seen === 1 ? mean[i]! + off / n : mean[i]!;
      const v = seen === 1 ? variance[i]! + (off * (x - m) - variance[i]!) / n : variance[i]!;
      z[i] = seen === 1 && v > 0 ? (x - m) / Math.sqrt(v) : 0;
      margin += weights[i]! * z[i]!;
      next.counts[i] = n;
      next.mean[i] = m;
      next.variance[i] = v;
      sound &&= Number.isFinite(m) && Number.isFinite(v);
    }
    const gradient = sigmoid(margin) - target;
    next.intercept = intercept - this.#rates.interceptLearningRate * gradient;
    sound &&= Number.isFinite(next.intercept);
    for (let i = 0; i < this.#features && sound; i++) {
      const step = this.#rates.learningRate * gradient * z[i]!;
      next.weights[i] = weights[i]! - step;
      sound = Math.abs(step) <= largestStep && Number.isFinite(next.weights[i]!);
    }
    if (!sound) return false;
    this.#next = this.#state;
    this.#state = next;
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

  /** Missing values are the mean; where infinities cancel each other, so do their features. */
  #margin(values: Float64Array, from: number): number {
    const { mean, variance, weights, intercept } = this.#state;
    let sum = intercept;
    for (let i = 0; i < this.#features; i++) {
      const x = values[from + i]!;
      if (Number.isNaN(x) || variance[i] === 0 || weights[i] === 0) continue;
      sum += weights[i]! * ((x - mean[i]!) / Math.sqrt(variance[i]!));
    }
    return Number.isNaN(sum) ? intercept : sum;
  }
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

import { SlipwayError } from '../errors.ts';

/** What one body or message may be: bytes, and what is said of a larger one. */
export interface Most {
  bytes: number;
  refusal: () => SlipwayError;
}

/**
 * What requests' bodies and messages may be, whatever edge they come by: each by itself, and in memory at once while
 * they are still coming, being unpacked or kept until they are answered. Bytes.
 */
export class BodyBounds {
  readonly limit: number;
  /** Each by itself, where it holds rows. */
  readonly largest: Most;
  #held = 0;

  constructor(limit: number) {
    this.limit = limit;
    this.largest = most(limit, 'Send fewer rows a request, or start Slipway with a larger --body-limit.');
  }

  get isFull(): boolean {
    return this.#held > bodiesAtOnce * this.limit;
  }

  /** Whether one more of the largest might be too much. */
  get isTight(): boolean {
    return this.#held > (bodiesAtOnce - 1) * this.limit;
  }

  hold(bytes: number): void {
    this.#held += bytes;
  }
}

/** `hint`: what to do whose body is larger. */
export function most(bytes: number, hint: string): Most {
  const message = `The request is larger than ${bytes} bytes.`;
  return { bytes, refusal: () => new SlipwayError('BODY_TOO_LARGE', message, hint) };
}

/** So many of the largest bodies may be half there, or half unpacked, at once. */
const bodiesAtOnce = 4;

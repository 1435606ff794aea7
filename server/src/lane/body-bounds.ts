/**
 * What requests' bodies and messages may be, whatever edge they come by: each by itself, and in memory at once while
 * they are still coming, being unpacked or kept until they are answered. Bytes.
 */
export class BodyBounds {
  readonly limit: number;
  #held = 0;

  constructor(limit: number) {
    this.limit = limit;
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

/** So many of the largest bodies may be half there, or half unpacked, at once. */
const bodiesAtOnce = 4;

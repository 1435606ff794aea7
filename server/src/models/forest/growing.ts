type Numbers = Int32Array | Uint32Array | Uint8Array | Float64Array;

/** A typed array that is added to at its end. */
export class Growing<A extends Numbers> {
  length: number;
  private held: A;
  private readonly type: new (
    length: number,
  ) => A;

  constructor(type: new (length: number) => A, first: readonly number[] = []) {
    this.type = type;
    this.held = new type(64);
    this.held.set(first);
    this.length = first.length;
  }

  push(values: ArrayLike<number>): void {
    const end = this.length + values.length;
    if (end > this.held.length) {
      const larger = new this.type(Math.max(end, 2 * this.held.length));
      larger.set(this.held);
      this.held = larger;
    }
    this.held.set(values, this.length);
    this.length = end;
  }

  /** What it holds; it may go on growing. */
  array(): A {
    return this.held.slice(0, this.length) as A;
  }
}

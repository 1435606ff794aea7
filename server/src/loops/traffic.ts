/** Slices of event time kept for the sparkline. */
const mostSlices = 60;
const narrowest = 1000;

/**
 * Live rows of one model over event time. A function of the set of events alone: every order of adding them
 * gives the same bytes. The width of a slice is the least 1000 · 2^k ms that fills at most 60 slices' span.
 */
export class Traffic {
  #rows = 0;
  #first = Number.POSITIVE_INFINITY;
  #newest = Number.NEGATIVE_INFINITY;
  #width = narrowest;
  #slices = new Map<number, number>();

  add(at: number, rows: number): void {
    this.#rows += rows;
    if (at < this.#first) this.#first = at;
    if (at > this.#newest) this.#newest = at;
    while (Math.floor(this.#newest / this.#width) - Math.floor(this.#first / this.#width) >= mostSlices)
      this.#widen();
    const slice = Math.floor(at / this.#width);
    this.#slices.set(slice, (this.#slices.get(slice) ?? 0) + rows);
  }

  /** Rows so far, the oldest and the newest event time (ms, null without any) and rows in each slice between. */
  view(): { rows: number; first: number | null; watermark: number | null; spark: number[] } {
    if (this.#rows === 0) return { rows: 0, first: null, watermark: null, spark: [] };
    const from = Math.floor(this.#first / this.#width);
    const to = Math.floor(this.#newest / this.#width);
    const spark = Array.from({ length: to - from + 1 }, (_, i) => this.#slices.get(from + i) ?? 0);
    return { rows: this.#rows, first: this.#first, watermark: this.#newest, spark };
  }

  save(): Uint8Array {
    const slices = [...this.#slices].sort(([a], [b]) => a - b);
    return Buffer.from(JSON.stringify([this.#rows, this.#first, this.#newest, this.#width, slices]));
  }

  static restore(state: Uint8Array | null): Traffic {
    const traffic = new Traffic();
    if (!state) return traffic;
    const [rows, first, newest, width, slices] = JSON.parse(Buffer.from(state).toString()) as [
      number,
      number | null,
      number | null,
      number,
      [number, number][],
    ];
    traffic.#rows = rows;
    // JSON has no infinities.
    traffic.#first = first ?? traffic.#first;
    traffic.#newest = newest ?? traffic.#newest;
    traffic.#width = width;
    traffic.#slices = new Map(slices);
    return traffic;
  }

  #widen(): void {
    this.#width *= 2;
    const wider = new Map<number, number>();
    for (const [slice, rows] of this.#slices) {
      const to = Math.floor(slice / 2);
      wider.set(to, (wider.get(to) ?? 0) + rows);
    }
    this.#slices = wider;
  }
}

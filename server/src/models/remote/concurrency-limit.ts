/** Answers that are looked at together: so many at least, over so long at least, ms. */
const leastAnswers = 10;
const leastMs = 100;
/** What the fastest of them may take beyond the fastest when there is no queue, before there is one. */
const tolerance = 1.5;
/** A limit grows by so many at a time, and leaves room for as many in the upstream's queue. */
const room = 4;
/** A new limit counts so much against the one before. */
const newest = 0.2;
/** The limit is not cut by more at a time. */
const mostCut = 0.5;
/** After so many looks the time without a queue is found anew. */
const looksBetween = 50;
/** At this share of the limit, for two looks. */
const probed = 0.25;

/**
 * How many requests an upstream is given at once: as many as it works on, and a few more. Its latency says so: where
 * even the fastest of some answers takes longer than without a queue, there is one, and the limit goes down by their
 * ratio; else it goes up while it is used. As Netflix's Gradient2, but with the least of many latencies instead of one
 * (requests are of different sizes), and as Envoy's gradient controller the latency without a queue is found anew from
 * time to time, at a part of the limit. Pure: times are arguments, ms.
 * https://github.com/Netflix/concurrency-limits https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/adaptive_concurrency_filter
 */
export class ConcurrencyLimit {
  readonly #most: number;
  #limit: number;
  /** The fastest answer without a queue; Infinity: not known yet. */
  #base = Number.POSITIVE_INFINITY;
  #since = Number.NEGATIVE_INFINITY;
  #answers = 0;
  #fastest = Number.POSITIVE_INFINITY;
  #mostAtOnce = 0;
  #isLate = false;
  #looks = 0;
  /** 2: what was sent before it was cut for a probe is still being answered; 1: what counts; 0: no probe. */
  #probing = 0;

  /** `most`: it is never more. */
  constructor(most: number) {
    this.#most = most;
    this.#limit = most;
  }

  get value(): number {
    return Math.max(1, Math.floor(this.#probing > 0 ? probed * this.#limit : this.#limit));
  }

  /** One was answered. `atOnce`: requests that the upstream had meanwhile, this one included. */
  answered(now: number, took: number, atOnce: number): void {
    this.#fastest = Math.min(this.#fastest, took);
    this.#saw(now, atOnce);
  }

  /** One was not answered in time: the surest sign of too many. */
  late(now: number, atOnce: number): void {
    this.#isLate = true;
    this.#saw(now, atOnce);
  }

  #saw(now: number, atOnce: number): void {
    if (this.#answers++ === 0) this.#since = now;
    this.#mostAtOnce = Math.max(this.#mostAtOnce, atOnce);
    if (this.#answers < leastAnswers || now - this.#since < leastMs) return;
    this.#look();
    this.#answers = 0;
    this.#fastest = Number.POSITIVE_INFINITY;
    this.#mostAtOnce = 0;
    this.#isLate = false;
  }

  #look(): void {
    if (this.#probing > 0) {
      if (--this.#probing === 0) this.#base = this.#fastest;
      return;
    }
    this.#base = Math.min(this.#base, this.#fastest);
    const gradient = this.#isLate ? mostCut : (tolerance * this.#base) / this.#fastest;
    // Where it is not used, nothing is learned about it.
    if (2 * this.#mostAtOnce >= this.#limit) {
      const wanted = this.#limit * Math.max(mostCut, Math.min(1, gradient)) + room;
      this.#limit = Math.min(this.#most, (1 - newest) * this.#limit + newest * wanted);
    }
    if (++this.#looks % looksBetween === 0) this.#probing = 2;
  }
}

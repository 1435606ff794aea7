import { describe, expect, test } from 'vitest';
import { ConcurrencyLimit } from '../../../src/models/remote/concurrency-limit.ts';
import { seeded } from '../forest/random-forest.ts';

interface Upstream {
  /** Works on so many at once … */
  servers: (at: number) => number;
  /** … each of which takes so long, ms. */
  serviceMs: (random: () => number) => number;
  /** Arrivals a ms. */
  rate: (at: number) => number;
  until: number;
}

/** An upstream with a queue of any length behind a limit; [due, ms] of what was answered, and what was refused when. */
function simulate({ servers, serviceMs, rate, until }: Upstream, seed: number, most = 256) {
  const random = seeded(seed);
  const limit = new ConcurrencyLimit(most);
  const answered: { due: number; took: number }[] = [];
  const refused: number[] = [];
  const queue: number[] = [];
  const working: { due: number; end: number }[] = [];
  let due = 0;
  const arrive = (): void => {
    due += -Math.log(1 - random()) / rate(due);
  };
  arrive();
  for (let now = 0; now < until; ) {
    const ends = Math.min(...working.map(({ end }) => end));
    now = Math.min(due, ends);
    if (due <= ends) {
      if (queue.length + working.length < limit.value) queue.push(due);
      else refused.push(due);
      arrive();
    } else {
      const [one] = working.splice(
        working.findIndex(({ end }) => end === ends),
        1,
      );
      answered.push({ due: one!.due, took: now - one!.due });
      limit.answered(now, now - one!.due, queue.length + working.length + 1);
    }
    while (queue.length > 0 && working.length < servers(now))
      working.push({ due: queue.shift()!, end: now + serviceMs(random) });
  }
  const within = (from: number, to: number) => {
    const some = answered.filter((one) => one.due >= from && one.due < to);
    const times = some.map(({ took }) => took).sort((a, b) => a - b);
    return { rate: some.length / (to - from), p90: times[Math.floor(times.length * 0.9)]! };
  };
  return { within, refused, limit };
}

const mixed = (random: () => number): number => (random() < 0.1 ? 50 : 5 + 5 * random());
const mean = 0.1 * 50 + 0.9 * 7.5;

describe.each([1, 2, 3])('seed %s', (seed) => {
  test.each([
    [4, 20],
    [16, 20],
    [16, 200],
  ])('at twice the capacity of %s workers of %s ms it is kept busy without a long queue', (workers, ms) => {
    const upstream = { servers: () => workers, serviceMs: () => ms, rate: () => (2 * workers) / ms };
    const { within } = simulate({ ...upstream, until: 1000 * ms }, seed);
    const later = within(500 * ms, 990 * ms);
    expect(later.rate).toBeGreaterThan((0.9 * workers) / ms);
    expect(later.p90).toBeLessThan(4 * ms);
  });

  test('requests of very different sizes are no queue', () => {
    const upstream = { servers: () => 16, serviceMs: mixed, rate: () => (2 * 16) / mean, until: 20_000 };
    expect(simulate(upstream, seed).within(8000, 19_000).rate).toBeGreaterThan((0.9 * 16) / mean);
  });

  test('of what it can take in time, nothing is refused', () => {
    const upstream = { servers: () => 16, serviceMs: mixed, rate: () => (0.7 * 16) / mean, until: 20_000 };
    expect(simulate(upstream, seed).refused.filter((due) => due > 1000).length).toBeLessThan(20);
  });

  test('an upstream that loses and regains workers is followed', () => {
    const servers = (at: number): number => (at > 20_000 && at < 40_000 ? 2 : 16);
    const upstream = { servers, serviceMs: () => 20, rate: () => (2 * 16) / 20, until: 60_000 };
    const { within } = simulate(upstream, seed);
    expect(within(30_000, 39_000).p90).toBeLessThan(20 * 6);
    expect(within(30_000, 39_000).rate).toBeGreaterThan((0.9 * 2) / 20);
    expect(within(50_000, 59_000).rate).toBeGreaterThan((0.9 * 16) / 20);
  });
});

test('what is not answered in time halves it soon', () => {
  const limit = new ConcurrencyLimit(64);
  for (let k = 0; k < 100; k++) limit.late(k * 20, 64);
  expect(limit.value).toBeLessThan(32);
  expect(limit.value).toBeGreaterThanOrEqual(1);
});

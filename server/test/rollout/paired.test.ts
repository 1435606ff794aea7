import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { noAnswer } from '../../src/loops/outcome.ts';
import { type Loss, lossFor, lossText, type Pair, pairOf } from '../../src/rollout/loss.ts';
import { Paired } from '../../src/rollout/paired.ts';
import { seeded, shuffle } from '../stats/seeded.ts';

const one = 2 ** 20;
const pair: fc.Arbitrary<Pair> = fc.record({
  // From minutes apart to stray times centuries off.
  at: fc.oneof(fc.integer({ min: 0, max: 1e9 }), fc.integer({ min: -1e13, max: 1e13 })),
  live: fc.integer({ min: 0, max: one }),
  candidate: fc.integer({ min: 0, max: one }),
  liveNone: fc.integer({ min: 0, max: 1 }),
  candidateNone: fc.integer({ min: 0, max: 1 }),
});
const answered = { liveNone: 0, candidateNone: 0 };
const pairs = fc.array(pair, { minLength: 1, maxLength: 600 });
const loss: Loss = { kind: 'error' };

function folded(list: Pair[]): Paired {
  const paired = new Paired(loss);
  for (const one of list) paired.add(one);
  return paired;
}

/** All that it says. */
function said(paired: Paired): unknown {
  return [paired.total, paired.looks(0.05), paired.recent(1), paired.recent()];
}

describe('the fold', () => {
  test('says the same for every order of pairs', () => {
    fc.assert(
      fc.property(pairs, fc.nat(), (list, seed) => {
        expect(said(folded(shuffle([...list], seeded(seed))))).toEqual(said(folded(list)));
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  test('a pair that was corrected counts as if it had been so from the beginning', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(pair, pair), { minLength: 1, maxLength: 300 }),
        fc.nat(),
        (list, seed) => {
          const right = list.map(([{ at }, now]) => ({ ...now, at }));
          const random = seeded(seed);
          const paired = new Paired(loss);
          for (const [k, now] of right.entries()) {
            const [before] = list[k]!;
            paired.add(random() < 0.5 ? before : now);
          }
          // The same draws again say which of them were wrong.
          const again = seeded(seed);
          const wrong = right.flatMap((now, k) => (again() < 0.5 ? [[list[k]![0], now] as const] : []));
          for (const [before, now] of shuffle(wrong, random)) paired.correct(before, now);
          expect(said(paired)).toEqual(said(folded(right)));
        },
      ),
      { seed: 6, numRuns: 60 },
    );
  });

  test('the sums are those of the pairs', () => {
    fc.assert(
      fc.property(pairs, (list) => {
        const { total, sums } = folded(list);
        expect(total.pairs).toBe(list.length);
        expect(total.live).toBe(list.reduce((sum, { live }) => sum + live, 0));
        expect(sums.sum).toBe(list.reduce((sum, { live, candidate }) => sum + live - candidate, 0));
        const squares = list.reduce((sum, { live, candidate }) => sum + ((live - candidate) / one) ** 2, 0);
        // Rounded up, by less than a unit a pair.
        expect(total.squares / one).toBeGreaterThanOrEqual(squares - 1e-9);
        expect(total.squares / one).toBeLessThanOrEqual(squares + list.length / one);
      }),
      { seed: 4, numRuns: 60 },
    );
  });

  test('the picture is bounded, and so is what is kept for it', () => {
    const paired = new Paired(loss);
    const random = seeded(5);
    for (let i = 0; i < 50_000; i++) {
      const at = i % 1000 === 0 ? random() * 1e15 : i * 60_000;
      paired.add({ ...answered, at, live: random() < 0.3 ? one : 0, candidate: random() < 0.2 ? one : 0 });
    }
    const looks = paired.looks(0.05);
    expect(looks.length).toBeLessThanOrEqual(200);
    expect(looks.length).toBeGreaterThan(50);
    expect(looks.at(-1)).toEqual(paired.look(0.05));
    looks.forEach((look, k) => {
      if (k > 0) expect(look.pairs).toBeGreaterThan(looks[k - 1]!.pairs);
    });
  });
});

test('the recent stretch holds the newest pairs, in whole slices', () => {
  const list = Array.from({ length: 3000 }, (_, i) => ({
    ...answered,
    at: i * 1000,
    live: i < 1500 ? one : 0,
    candidate: i < 1500 ? 0 : one,
  }));
  const recent = folded(list).recent(1000)!;
  expect(recent.pairs).toBeGreaterThanOrEqual(1000);
  expect(recent.pairs).toBeLessThan(1100);
  expect([recent.live, recent.candidate]).toEqual([0, 1]);
  expect(recent.to).toBe(2_999_000);
  expect(list.filter(({ at }) => at >= recent.from).length).toBe(recent.pairs);
  expect(folded(list).recent(1e6)!.pairs).toBe(3000);
  expect(new Paired(loss).recent()).toBeNull();
  expect(new Paired(loss).look(0.05)).toBeNull();
});

describe('losses', () => {
  test('classification: wrong or right', () => {
    expect(lossFor('binary', 3)).toEqual({ kind: 'error' });
    expect(pairOf({ kind: 'error' }, 7, 1, 1, 0)).toEqual({ ...answered, at: 7, live: 0, candidate: one });
  });

  test('regression: the error as a share of the labels’ spread, at most 1', () => {
    const absolute = lossFor('regression', 4);
    expect(absolute).toEqual({ kind: 'absolute', scale: 4 });
    expect(pairOf(absolute, 0, 10, 11, 13)).toMatchObject({ live: one / 4, candidate: (one * 3) / 4 });
    expect(pairOf(absolute, 0, 10, 1e300, 10)).toMatchObject({ live: one, candidate: 0 });
    expect(lossText(absolute)).toContain('4');
  });

  test('regression without a scale: who is nearer to the label', () => {
    for (const scale of [null, 0, Number.NaN])
      expect(lossFor('regression', scale)).toEqual({ kind: 'nearer' });
    expect(pairOf({ kind: 'nearer' }, 0, 10, 12, 9)).toMatchObject({ live: one, candidate: 0 });
    expect(pairOf({ kind: 'nearer' }, 0, 10, 9, 11)).toMatchObject({ live: 0, candidate: 0 });
  });

  test.each([{ kind: 'error' }, { kind: 'absolute', scale: 4 }, { kind: 'nearer' }] as Loss[])(
    '$kind: no answer costs as much as the worst, and is counted',
    (loss) => {
      for (const none of [noAnswer, Number.NaN]) {
        expect(pairOf(loss, 0, 1, 1, none)).toEqual({
          at: 0,
          live: 0,
          candidate: one,
          liveNone: 0,
          candidateNone: 1,
        });
        expect(pairOf(loss, 0, 1, none, 1)).toEqual({
          at: 0,
          live: one,
          candidate: 0,
          liveNone: 1,
          candidateNone: 0,
        });
      }
    },
  );
});

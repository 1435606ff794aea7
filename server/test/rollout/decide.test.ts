import { describe, expect, test } from 'vitest';
import { decide, defaultRule, type Rule, settled } from '../../src/rollout/decide.ts';
import { type Loss, pairOf } from '../../src/rollout/loss.ts';
import { Paired } from '../../src/rollout/paired.ts';
import { mostByChance, seeded } from '../stats/seeded.ts';

const compare: Rule = { ...defaultRule, phase: 'compare', live: 1, candidate: 2, held: false };
const guard: Rule = { ...compare, phase: 'guard', live: 2, candidate: 1 };

/** Rows on which each version is wrong with its own probability, a half-hour apart. */
function stretch(paired: Paired, rows: number, live: number, candidate: number, seed = 1, from = 0): Paired {
  const random = seeded(seed);
  for (let i = from; i < from + rows; i++) {
    const wrong = (p: number) => (random() < p ? 0 : 1);
    paired.add(pairOf(paired.loss, i * 1_800_000, 1, wrong(live), wrong(candidate)));
  }
  return paired;
}

const fresh = (loss: Loss = { kind: 'error' }) => new Paired(loss);

describe('compare', () => {
  test('nothing labelled yet: continue', () => {
    const { verdict, reasons, look } = decide(fresh(), compare);
    expect([verdict, look]).toEqual(['continue', null]);
    expect(reasons).toEqual(['There is no labelled row yet that both versions were asked.']);
  });

  test('a better candidate is promoted, with the numbers', () => {
    const { verdict, reasons, look, next } = decide(stretch(fresh(), 3000, 0.3, 0.2), compare);
    expect(verdict).toBe('promote');
    expect(look!.low).toBeGreaterThan(0);
    expect(reasons[0]).toMatch(
      /^So far, on the same 3,000 labelled rows, version 1 was wrong on \d\d\.\d % and version 2 was wrong on \d\d\.\d %: version 2 is \d+\.\d points better\.$/,
    );
    expect(reasons[1]).toMatch(
      /^The 95 % interval for that difference is \d+\.\d to \d+\.\d points, valid however often it was looked at: version 2 is better\.$/,
    );
    expect(reasons[2]).toMatch(/^Lately, over the newest 2,\d\d\d of these rows, version 2 is /);
    expect(next).toContain('version 2 goes live');
  });

  test('never before the least number of pairs, however plain it is', () => {
    const paired = stretch(fresh(), 499, 1, 0);
    expect(decide(paired, compare).verdict).toBe('continue');
    expect(decide(paired, compare).reasons.at(-1)).toBe('No verdict before 500 labelled pairs.');
    stretch(paired, 1, 1, 0, 2, 499);
    expect(decide(paired, compare).verdict).toBe('promote');
  });

  test('never within the margin', () => {
    const paired = stretch(fresh(), 4000, 0.3, 0.2);
    const { difference, low } = decide(paired, compare).look!;
    expect(decide(paired, { ...compare, margin: low * 0.99 }).verdict).toBe('promote');
    expect(decide(paired, { ...compare, margin: low * 1.01 }).verdict).toBe('continue');
    expect(decide(paired, { ...compare, margin: difference }).verdict).toBe('continue');
  });

  test('a worse candidate stays in shadow', () => {
    const { verdict, reasons, next } = decide(stretch(fresh(), 3000, 0.2, 0.3), compare);
    expect(verdict).toBe('hold');
    expect(reasons[1]).toContain('version 2 is worse, and stays in shadow');
    expect(next).toContain('version 1 stays live');
  });

  test('two that are as good as each other: inconclusive, and it says so', () => {
    const { verdict, reasons } = decide(stretch(fresh(), 120_000, 0.2, 0.2), compare);
    expect(verdict).toBe('inconclusive');
    expect(reasons[1]).toContain('as good as each other');
  });

  test('a candidate that fails on half of the rows is not promoted for being right on the others', () => {
    // The live version is always wrong, so that even with failures as wrong answers the candidate is better.
    const paired = fresh();
    for (let i = 0; i < 1000; i++)
      paired.add(pairOf(paired.loss, i * 1000, 1, 0, i % 2 === 0 ? 1 : Number.POSITIVE_INFINITY));
    const { verdict, reasons, look } = decide(paired, compare);
    expect(look!.low).toBeGreaterThan(0);
    expect([verdict, settled(paired, compare)]).toEqual(['hold', null]);
    expect(settled(paired, guard)).toBeNull();
    expect(reasons).toContain(
      'Version 2 gave no answer to 500 of these rows (50.0 %), version 1 to 0; each counts as the worst there is. ' +
        'A version that fails on over 1.0 % of the rows more is not made live, however right it is on the others.',
    );
    expect(reasons.join()).not.toContain('is worse');
  });

  test('a failure in a thousand is a wrong answer, and no more', () => {
    const paired = fresh();
    for (let i = 0; i < 1000; i++)
      paired.add(pairOf(paired.loss, i * 1000, 1, 0, i === 7 ? Number.POSITIVE_INFINITY : 1));
    const { verdict, reasons } = decide(paired, compare);
    expect(verdict).toBe('promote');
    expect(reasons.join()).toContain('Version 2 gave no answer to 1 of these rows (0.1 %), version 1 to 0;');
    expect(reasons.join()).not.toContain('is not made live');
  });

  test('where the live version fails as often, failing is no reason', () => {
    const paired = fresh();
    for (let i = 0; i < 1000; i++)
      paired.add(
        pairOf(paired.loss, i * 1000, 1, i % 10 === 0 ? Number.NaN : 0, i % 10 === 0 ? Number.NaN : 1),
      );
    expect(settled(paired, compare)).toBe('promote');
  });

  test('held by hand: it counts, and decides nothing', () => {
    const paired = stretch(fresh(), 3000, 0.3, 0.2);
    const held = { ...compare, held: true };
    expect(decide(paired, held).verdict).toBe('hold');
    expect(settled(paired, held)).toBeNull();
    expect(decide(paired, held).reasons[0]).toContain('held by hand');
  });

  test('regression speaks of errors, not of wrong answers', () => {
    const paired = fresh({ kind: 'absolute', scale: 2 });
    const random = seeded(3);
    for (let i = 0; i < 4000; i++) {
      const truth = random() * 10;
      paired.add(pairOf(paired.loss, i, truth, truth + random() - 0.5, truth + (random() - 0.5) / 4));
    }
    const { verdict, reasons } = decide(paired, compare);
    expect(verdict).toBe('promote');
    expect(reasons[0]).toContain('version 2 was off by 3.1 % of the labels’ standard deviation');
  });
});

describe('guard', () => {
  test('goes back when the former version proves better', () => {
    const { verdict, reasons } = decide(stretch(fresh(), 3000, 0.3, 0.2), guard);
    expect(verdict).toBe('roll back');
    expect(reasons[0]).toMatch(
      /^Since the promotion, on the same 3,000 labelled rows, version 2 was wrong on /,
    );
    expect(reasons[1]).toContain('version 1 is better');
  });

  test('tells of the former version’s recovery, and stays', () => {
    const paired = stretch(stretch(fresh(), 6000, 0.25, 0.37), 2500, 0.2, 0.18, 2, 6000);
    const { verdict, reasons } = decide(paired, guard);
    expect(verdict).toBe('continue');
    expect(reasons.at(-1)).toMatch(
      /^Version 1 has recovered: over the newest [\d,]+ of these rows it was wrong on 1\d\.\d %, over all of them it was wrong on 3\d\.\d %\. Version 2 was wrong on (19|2\d)\.\d % of the newest, so lately version 1 is \d\.\d points (better|worse); what decides is the whole time since the promotion\.$/,
    );
  });
});

test('settled says what decide says, at every pair', () => {
  for (const rule of [compare, guard, { ...compare, margin: 0.02 }]) {
    const paired = fresh();
    const random = seeded(11);
    for (let i = 0; i < 2500; i++) {
      paired.add(pairOf(paired.loss, i, 1, random() < 0.3 ? 0 : 1, random() < 0.22 ? 0 : 1));
      if (i % 5 !== 0) continue;
      const { verdict } = decide(paired, rule);
      expect(settled(paired, rule)).toBe(verdict === 'promote' || verdict === 'roll back' ? verdict : null);
    }
  }
});

describe('negative controls, asked after every pair', () => {
  test('equal versions: promoted in at most 2.5 % of 2,000 runs', () => {
    let promoted = 0;
    const runs = 2000;
    for (let seed = 1; seed <= runs; seed++) {
      const paired = fresh();
      const random = seeded(seed);
      for (let i = 0; i < 1500; i++) {
        paired.add(pairOf(paired.loss, i, 1, random() < 0.25 ? 0 : 1, random() < 0.25 ? 0 : 1));
        if (settled(paired, compare) !== null) {
          promoted++;
          break;
        }
      }
    }
    expect(promoted).toBeLessThanOrEqual(mostByChance(runs, compare.alpha / 2));
  });

  test('a byte-equal copy: never, in 200 runs', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const paired = fresh();
      const random = seeded(seed);
      let changes = 0;
      for (let i = 0; i < 4000; i++) {
        const answer = random() < 0.3 ? 0 : 1;
        paired.add(pairOf(paired.loss, i, 1, answer, answer));
        if (settled(paired, compare) !== null) changes++;
      }
      expect(changes).toBe(0);
      const { verdict, reasons } = decide(paired, compare);
      expect(verdict).toBe('inconclusive');
      expect(reasons[1]).toContain('Not once did their losses differ');
    }
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Traffic } from '../../src/loops/traffic.ts';

type Added = [at: number, rows: number];

function trafficOf(added: Added[]): Traffic {
  const traffic = new Traffic();
  for (const [at, rows] of added) traffic.add(at, rows);
  return traffic;
}

const added = fc.array(
  fc.tuple(fc.oneof(fc.nat(5000), fc.nat(10_000_000), fc.nat(2 ** 41)), fc.integer({ min: 1, max: 9 })),
  { minLength: 1, maxLength: 40 },
);

describe('live rows over event time', () => {
  test('none', () => {
    expect(new Traffic().view()).toEqual({ rows: 0, first: null, watermark: null, spark: [] });
    expect(Traffic.restore(null).view()).toEqual({ rows: 0, first: null, watermark: null, spark: [] });
  });

  test('by the second while there are at most 60 of them, in event time whatever the order', () => {
    expect(
      trafficOf([
        [3500, 2],
        [0, 1],
        [3999, 4],
      ]).view(),
    ).toEqual({ rows: 7, first: 0, watermark: 3999, spark: [1, 0, 0, 6] });
    expect(
      trafficOf([
        [0, 1],
        [59_999, 1],
      ]).view().spark,
    ).toHaveLength(60);
  });

  test('a 61st slice doubles the width', () => {
    const traffic = trafficOf([
      [0, 1],
      [1000, 2],
      [59_999, 3],
    ]);
    traffic.add(60_000, 4);
    const { spark, rows, watermark } = traffic.view();
    expect([spark.length, spark[0], spark[29], spark[30]]).toEqual([31, 3, 3, 4]);
    expect([rows, watermark]).toEqual([10, 60_000]);
  });

  test('one lone row far back widens at once as far as it must', () => {
    const { spark } = trafficOf([
      [1e12, 5],
      [1, 1],
    ]).view();
    expect(spark.length).toBeGreaterThan(29);
    expect(spark.length).toBeLessThanOrEqual(60);
    expect([spark[0], spark.at(-1)]).toEqual([1, 5]);
  });

  test('every order of adding gives the same bytes, and a restored state goes on', () => {
    fc.assert(
      fc.property(added, fc.nat(40), (rows, at) => {
        const whole = trafficOf(rows);
        const sorted = trafficOf([...rows].sort(([a], [b]) => b - a));
        expect(Buffer.from(sorted.save()).equals(whole.save())).toBe(true);
        const resumed = Traffic.restore(trafficOf(rows.slice(0, at)).save());
        for (const [time, count] of rows.slice(at)) resumed.add(time, count);
        expect(resumed.view()).toEqual(whole.view());
        // Rows are neither lost nor made, and the slices hold the whole span.
        const { spark, watermark } = whole.view();
        expect(spark.reduce((sum, count) => sum + count, 0)).toBe(rows.reduce((sum, [, n]) => sum + n, 0));
        expect(watermark).toBe(Math.max(...rows.map(([time]) => time)));
        expect(spark.length).toBeLessThanOrEqual(60);
        expect([spark[0]! > 0, spark.at(-1)! > 0]).toEqual([true, true]);
      }),
      { seed: 3, numRuns: 300 },
    );
  });
});

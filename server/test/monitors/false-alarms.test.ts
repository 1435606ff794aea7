import { describe, expect, test } from 'vitest';
import { perVersion } from '../../src/monitors/false-alarms.ts';
import { monitorKinds } from '../../src/monitors/kinds.ts';
import type { Finding } from '../../src/monitors/monitor.ts';
import type { Feature } from '../../src/signature.ts';
import { mostByChance, normal, seeded } from '../stats/seeded.ts';
import { context, day, event, frameOf } from './events.ts';

const features: Feature[] = [
  { name: 'normal', type: 'number' },
  { name: 'skewed', type: 'number' },
  { name: 'count', type: 'integer' },
  { name: 'rare', type: 'boolean' },
  { name: 'colour', type: 'category', categories: ['a', 'b', 'c', 'd'] },
  { name: 'gaps', type: 'number' },
];
const names = features.map(({ name }) => name);

function row(random: () => number, shift = 0, gone = 0.1): number[] {
  return [
    normal(random) + shift,
    Math.exp(normal(random)),
    Math.floor(-Math.log(1 - random()) * 3),
    Number(random() < 0.02),
    Math.floor(random() * random() * 4),
    random() < gone ? Number.NaN : random(),
  ];
}

/** Trains on `training` rows, then serves `windows` windows of about 500 rows. */
function run(seed: number, training: number, windows: number, live: (random: () => number) => number[]) {
  const random = seeded(seed);
  const trained = context(features, frameOf(Array.from({ length: training }, () => row(random))));
  const monitors = monitorKinds.map((kind) => kind.create(trained)!);
  const findings: Finding[] = [];
  for (let i = 0; i < windows * 10; i++) {
    const rows = Array.from({ length: 50 }, () => live(random));
    for (const monitor of monitors) findings.push(...monitor.fold(event(names, rows, i * 0.1 * day)));
  }
  return findings;
}

describe('independent rows like those of training', () => {
  // Both monitors together, each allowed `perVersion`.
  const allowed = 2 * perVersion;
  test.each([
    { training: 9000, runs: 60, windows: 20 },
    { training: 1000, runs: 70, windows: 20 },
    { training: 100, runs: 70, windows: 20 },
  ])('$runs streams against $training training rows: no more than chance allows', (one) => {
    let alarmed = 0;
    const said: string[] = [];
    for (let seed = 1; seed <= one.runs; seed++) {
      const findings = run(seed * 7919 + one.training, one.training, one.windows, (random) => row(random));
      if (findings.length > 0) alarmed++;
      said.push(...findings.map(({ message }) => message));
    }
    expect(alarmed, said.join('\n')).toBeLessThanOrEqual(mostByChance(one.runs, allowed));
  });
});

describe('what is injected is found', () => {
  const found = (live: (random: () => number) => number[]) =>
    new Set(run(5, 5000, 4, live).map(({ monitor, feature }) => `${monitor} ${feature}`));

  test('a shift of two thirds of a standard deviation', () => {
    expect(found((random) => row(random, 0.67))).toEqual(new Set(['drift normal']));
  });

  test('a unit changed by a thousand', () => {
    const kinds = found((random) => row(random).with(1, 1000 * Math.exp(normal(random))));
    expect(kinds).toEqual(new Set(['range skewed', 'drift skewed']));
  });

  test('a feature that is missing more often', () => {
    expect(found((random) => row(random, 0, 0.2))).toEqual(new Set(['range gaps']));
  });

  test('a feature that stands still', () => {
    expect(found((random) => row(random).with(2, 3))).toEqual(new Set(['drift count']));
  });

  test('another mixture of categories', () => {
    expect(found((random) => row(random).with(4, Math.floor(random() * 4)))).toEqual(
      new Set(['drift colour']),
    );
  });
});

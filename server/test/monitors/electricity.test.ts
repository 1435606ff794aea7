import { describe, expect, test } from 'vitest';
import { drift } from '../../src/monitors/drift.ts';
import { monitorKinds } from '../../src/monitors/kinds.ts';
import type { Finding } from '../../src/monitors/monitor.ts';
import { electricity, features, timeOf, trainedRows } from './electricity.ts';
import { context, event, frameOf, numbers } from './events.ts';

const { rows } = electricity();
const training = frameOf(rows.slice(0, trainedRows));

/** What was said after which row of the stream. */
function watch(kinds: typeof monitorKinds, learns = false): { after: number; finding: Finding }[] {
  const trained = context(numbers(...features), training, { learns });
  const monitors = kinds.map((kind) => kind.create(trained)!);
  const said: { after: number; finding: Finding }[] = [];
  for (let i = trainedRows; i < rows.length; i++) {
    const one = event(features, [rows[i]!], timeOf(i));
    for (const monitor of monitors) for (const finding of monitor.fold(one)) said.push({ after: i, finding });
  }
  return said;
}

describe('the electricity stream against its first 20 %', () => {
  const said = watch(monitorKinds);

  test('what was constant in training is found within seven rows of its first move', () => {
    // Row 17,424 from zero is the first in which they differ.
    const moved = said.filter(({ finding }) => finding.id.includes('/constant/'));
    expect(moved.map(({ finding }) => finding.feature)).toEqual(['vicprice', 'vicdemand', 'transfer']);
    for (const { after, finding } of moved) {
      expect(after).toBe(17_430);
      expect(finding).toMatchObject({
        level: 'act',
        row: 17_425 - trainedRows,
        since: timeOf(17_424),
        cleared: null,
      });
    }
    expect(moved[0]!.finding.message).toBe(
      'vicprice was always 0.003467 in the 9,062 training rows; since version 1’s live row 8,363 it has other values (0.002198 – 0.003232).',
    );
  });

  test('all that is said of two years fits on a page', () => {
    const told = said.map(({ finding }) => {
      const { id, level, row, cleared } = finding;
      return `${id.slice(4)} ${cleared === null ? level : 'cleared'} ${row}`;
    });
    expect(told).toEqual([
      // Christmas 1996.
      'out-of-range/nswdemand look 2127',
      'drift/nswdemand look 2650',
      'out-of-range/nswdemand cleared 2127',
      'drift/nswdemand cleared 2650',
      // Victoria joins the market.
      'constant/vicprice act 8363',
      'constant/vicdemand act 8363',
      'constant/transfer act 8363',
      // Prices fall below what training knew, until the middle of 1998: where the frozen model is at its worst.
      'drift/nswprice look 14266',
      'out-of-range/nswprice look 18227',
      'out-of-range/nswprice cleared 18227',
      'drift/nswprice act 14266',
      'drift/nswprice cleared 14266',
      'out-of-range/nswprice look 28030',
      'out-of-range/nswprice cleared 28030',
    ]);
  });

  test('a version that learns is not told that its first rows are behind it', () => {
    for (const { finding } of watch(monitorKinds, true)) expect(finding.id).toContain('/out-of-range/');
  });
});

test('the view holds every row once, in windows of whole days', () => {
  const monitor = drift.create(context(numbers(...features), training))!;
  for (let i = trainedRows; i < 20_000; i++) monitor.fold(event(features, [rows[i]!], timeOf(i)));
  const view = monitor.view();
  expect(view).toMatchObject({ model: 'm', version: 1 });
  expect(view.features.map(({ feature }) => feature)).toEqual(features);
  for (const one of view.features) {
    expect(one.windows.reduce((sum, window) => sum + window.rows, 0)).toBe(20_000 - trainedRows);
    expect(one.baseline.bins.length).toBe(one.baseline.shares.length);
    for (const window of one.windows) {
      expect(window.counts.length).toBe(one.baseline.bins.length);
      expect(window.counts.reduce((a, b) => a + b) + window.missing).toBe(window.rows);
    }
    for (const window of one.windows.slice(0, -1)) {
      expect(window.rows).toBeGreaterThanOrEqual(500);
      expect((window.to - window.from) % 86_400_000).toBe(0);
    }
    expect(one.psi).toBe(one.windows.at(-2)!.psi);
  }
  const constant = view.features.find(({ feature }) => feature === 'transfer')!;
  expect(constant.baseline).toEqual({
    bins: ['< 0.4149', '= 0.4149', '> 0.4149'],
    shares: [0, 1, 0],
    constant: 0.414912,
  });
  expect(constant).toMatchObject({ level: 'act' });
  expect(constant.outOfRange).toBeGreaterThan(2500);
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { Changes } from '../../src/control/changes.ts';
import { Scorers } from '../../src/control/scorers.ts';
import { Troubles } from '../../src/control/troubles.ts';
import { Reports } from '../../src/processes/reports.ts';
import { Blobs } from '../../src/registry/blobs.ts';
import { Registry } from '../../src/registry/registry.ts';
import type { VersionReport } from '../../src/trouble.ts';

let leave = (): void => {};
afterEach(() => leave());

/** Control's part over a real registry, with the supervisor's before it. */
function building() {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-troubles-'));
  const registry = new Registry(join(folder, 'registry.db'));
  leave = () => {
    registry.close();
    rmSync(folder, { recursive: true, force: true });
  };
  let now = 0;
  const changes = new Changes({
    registry,
    blobs: new Blobs(join(folder, 'blobs')),
    scorers: new Scorers(() => {}),
    snapshotFile: join(folder, 'snapshot.json'),
    now: () => ++now,
    onChanged: () => {},
  });
  const troubles = new Troubles(changes);
  const reports = new Reports((all) => troubles.heard(all));
  const open = () => registry.findings().filter(({ cleared }) => cleared === null);
  const said = () => registry.timeline({ limit: 1000 }).map(({ level, message }) => `${level}: ${message}`);
  return { registry, changes, troubles, reports, open, said };
}

const report = (level: 'look' | 'act' | null, more: Partial<VersionReport> = {}): VersionReport => ({
  model: 'churn',
  version: 1,
  restarts: 1,
  trouble: level && { level, message: 'Its process ended.', hint: 'Mend it.', lines: ['a', 'b'], since: 5 },
  ...more,
});

test('a trouble is a finding while it lasts, and is said when it begins, gets worse and is over', () => {
  const { reports, open, said } = building();
  reports.heard('scorer-churn-1', [report(null)]);
  expect([open(), said()]).toEqual([[], []]);
  reports.heard('scorer-churn-1', [report('look')]);
  reports.heard('scorer-churn-1', [report('look', { restarts: 2 })]);
  expect(open()).toMatchObject([
    {
      id: 'churn/1/trouble',
      level: 'look',
      message: 'Version 1: its process ended.',
      evidence: { restarts: 2, printed: 'a\nb' },
      since: 5,
    },
  ]);
  reports.heard('scorer-churn-1', [report('act')]);
  reports.heard('scorer-churn-1', [report(null)]);
  expect(open()).toEqual([]);
  expect(said()).toEqual([
    'well: Version 1 has recovered. Version 1: its process ended.',
    'act: Version 1: its process ended.',
    'look: Version 1: its process ended.',
  ]);
});

test('it holds while the process that told it is being replaced, and goes with it for good', () => {
  const { reports, open } = building();
  reports.heard('lane-1', [report('look')]);
  reports.heard('lane-2', [report('act'), report('look', { version: 2 })]);
  expect(open().map(({ id, level }) => `${id} ${level}`)).toEqual([
    'churn/1/trouble act',
    'churn/2/trouble look',
  ]);
  reports.heard('lane-2', []);
  expect(open().map(({ id, level }) => `${id} ${level}`)).toEqual(['churn/1/trouble look']);
  reports.forget('lane-1');
  expect(open()).toEqual([]);
});

test('whatever is told in whatever order, what is open is what some process is troubled by', () => {
  const told = fc.record({
    process: fc.constantFrom('lane-1', 'lane-2', 'scorer-churn-1'),
    reports: fc.uniqueArray(
      fc.record({ version: fc.integer({ min: 1, max: 3 }), level: fc.constantFrom('look', 'act', null) }),
      { selector: ({ version }) => version, maxLength: 3 },
    ),
    isNew: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(told, { maxLength: 20 }), (all) => {
      const { reports, changes, troubles, open } = building();
      const last = new Map<string, VersionReport[]>();
      for (const one of all) {
        // Control may have been replaced meanwhile: it is told all, and then what is new.
        if (one.isNew) new Troubles(changes).heard([...last.values()].flat());
        const now = one.reports.map(({ version, level }) => report(level, { version }));
        last.set(one.process, now);
        reports.heard(one.process, now);
      }
      const troubled = [...last.values()].flat().filter(({ trouble }) => trouble);
      const worst = (version: number) =>
        troubled.some((one) => one.version === version && one.trouble?.level === 'act') ? 'act' : 'look';
      const expected = [...new Set(troubled.map(({ version }) => version))].sort();
      expect(open().map(({ version, level }) => [version, level])).toEqual(
        expected.map((version) => [version, worst(version)]),
      );
      expect(troubles.reports.length).toBe(
        new Set([...last.values()].flat().map(({ version }) => version)).size,
      );
      leave();
      leave = () => {};
    }),
    { numRuns: 30 },
  );
});

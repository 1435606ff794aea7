import { expect, test } from 'vitest';
import { lost } from '../../src/control/quarantine.ts';
import { twoVersions } from './two-versions.ts';

test.each([
  [true, 1, 'Version 1 is live again.'],
  [false, null, 'No other version can take its place'],
])(
  'a version that crashed twice is served no more, whether or not the one before comes up (%s)',
  async (comesUp, live, said) => {
    const { registry, changes } = twoVersions(2, (version) => comesUp || version !== 1);
    const crash = () => lost(changes, 'm', 2, { why: 'crash', detail: 'SIGSEGV' });
    await crash();
    expect([registry.model('m')!.live, registry.version('m', 2)!.quarantined]).toEqual([2, false]);
    await crash();
    expect(registry.version('m', 2)!.quarantined).toBe(true);
    expect(registry.model('m')!.live).toBe(live);
    expect(changes.snapshot!.models.m!.live).toBe(live);
    const findings = registry.findings('m');
    expect(findings).toHaveLength(1);
    expect(findings[0]!.message).toContain(said);
    // What was tried in vain has left no line.
    expect(registry.timeline({ limit: 10 }).filter(({ kind }) => kind === 'quarantine')).toHaveLength(1);
  },
);

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Changes } from '../../src/control/changes.ts';
import { lost } from '../../src/control/quarantine.ts';
import { Scorers } from '../../src/control/scorers.ts';
import { SlipwayError } from '../../src/errors.ts';
import { Blobs } from '../../src/registry/blobs.ts';
import { Registry, type VersionRecord } from '../../src/registry/registry.ts';

let leave = (): void => {};
afterEach(() => leave());

/** Two versions of a model, the second of them live; `comesUp`: whether the process of the first does when it is needed. */
function building(comesUp: boolean) {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-quarantine-'));
  const registry = new Registry(join(folder, 'registry.db'));
  leave = () => {
    registry.close();
    rmSync(folder, { recursive: true, force: true });
  };
  class OfTest extends Scorers {
    override prepare(...[, next]: Parameters<Scorers['prepare']>): Promise<void> {
      if (comesUp || next.models.m!.live !== 1) return Promise.resolve();
      return Promise.reject(new SlipwayError('GATE_FAILED', 'It does not come up.'));
    }
  }
  const changes = new Changes({
    registry,
    blobs: new Blobs(join(folder, 'blobs')),
    scorers: new OfTest(() => {}),
    snapshotFile: join(folder, 'snapshot.json'),
    now: () => 1,
    onChanged: () => {},
  });
  for (const version of [1, 2]) {
    registry.addVersion({
      model: 'm',
      version,
      kind: 'onnx',
      program: 'digest',
      placement: 'scorer',
      microseconds: 1,
      facts: {},
      signature: { features: [], inputs: [], outputs: [], answer: {}, task: 'regression' },
    } as unknown as VersionRecord);
  }
  registry.saveModel({
    model: 'm',
    live: 2,
    previous: 1,
    rollout: null,
    failedWrite: 'refuse',
    privacy: { hash: [], drop: [] },
    unloaded: false,
  });
  const crash = () => lost(changes, 'm', 2, { why: 'crash', detail: 'SIGSEGV' });
  return { registry, changes, crash };
}

test.each([
  [true, 1, 'Version 1 is live again.'],
  [false, null, 'No other version can take its place'],
])(
  'a version that crashed twice is served no more, whether or not the one before comes up (%s)',
  async (comesUp, live, said) => {
    const { registry, changes, crash } = building(comesUp);
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

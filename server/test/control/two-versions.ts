import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { Changes } from '../../src/control/changes.ts';
import { Scorers } from '../../src/control/scorers.ts';
import { SlipwayError } from '../../src/errors.ts';
import { Blobs } from '../../src/registry/blobs.ts';
import { Registry, type VersionRecord } from '../../src/registry/registry.ts';

/**
 * Versions 1 and 2 of a model "m" in processes of their own, `live` being live and the other having been it before;
 * `comesUp`: whether a version's process does when it is to be live.
 */
export function twoVersions(live: 1 | 2, comesUp: (version: number | null) => boolean) {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-versions-'));
  const registry = new Registry(join(folder, 'registry.db'));
  onTestFinished(() => {
    registry.close();
    rmSync(folder, { recursive: true, force: true });
  });
  class OfTest extends Scorers {
    override prepare(...[, next]: Parameters<Scorers['prepare']>): Promise<void> {
      if (comesUp(next.models.m!.live)) return Promise.resolve();
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
    live,
    previous: 3 - live,
    rollout: null,
    failedWrite: 'refuse',
    privacy: { hash: [], drop: [] },
    unloaded: false,
  });
  return { registry, changes };
}

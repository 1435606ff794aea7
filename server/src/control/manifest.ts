import { kindNamed } from '../models/kinds.ts';
import { placementAs } from '../placement.ts';
import type { KnownVersion, ModelRecord, Registry } from '../registry/registry.ts';
import { servingOf } from '../serving.ts';
import type { ServedModel, ServedVersion, Snapshot } from '../snapshot.ts';

/**
 * What the lanes should serve, by what the registry says now of the models that were touched since the snapshot
 * `before`. One that did not change is the same object as before.
 */
export function makeSnapshot(
  registry: Registry,
  before: Snapshot | null,
  number: number,
  at: number,
): Snapshot {
  const models = { ...before?.models };
  for (const name of registry.touched) {
    const record = registry.model(name);
    if (!record) {
      // It had just been made, and was undone.
      delete models[name];
      continue;
    }
    const served = servedModel(registry, record);
    if (JSON.stringify(served) !== JSON.stringify(models[name])) models[name] = served;
  }
  return { number, at, models };
}

function servedModel(registry: Registry, model: ModelRecord): ServedModel {
  const rollout = model.rollout === null ? null : registry.rollout(model.rollout);
  const shadows = rollout ? [rollout.candidate] : [];
  // The previous version stays warm, so that going back to it is immediate.
  const wanted = new Set(model.live === null ? [] : [model.live, ...shadows, model.previous]);
  const versions: ServedModel['versions'] = {};
  for (const record of registry.versions(model.model)) {
    if (!wanted.has(record.version) || record.quarantined) continue;
    versions[record.version] = servedVersion(registry, record, shadows.includes(record.version));
  }
  return {
    name: model.model,
    live: model.live,
    shadows: shadows.filter((version) => versions[version]),
    rollout: rollout && {
      id: rollout.id,
      phase: rollout.phase,
      live: rollout.live,
      candidate: rollout.candidate,
      alpha: rollout.alpha,
      leastPairs: rollout.leastPairs,
      margin: rollout.margin,
      held: rollout.held,
    },
    unloaded: model.unloaded,
    failedWrite: model.failedWrite,
    privacy: model.privacy,
    versions,
  };
}

function servedVersion(registry: Registry, record: KnownVersion, isShadow: boolean): ServedVersion {
  const newest = registry.checkpoints(record.model, record.version).at(-1);
  return {
    version: record.version,
    kind: record.kind,
    program: record.program,
    signature: record.signature,
    policy: record.policy,
    impute: record.impute,
    baseline: record.baseline,
    golden: record.golden ?? null,
    microseconds: record.microseconds,
    ...(record.batchMicroseconds === undefined ? {} : { batchMicroseconds: record.batchMicroseconds }),
    ...(record.attachedBytes === undefined ? {} : { attachedBytes: record.attachedBytes }),
    checkpoint: newest ? { update: newest.update, digest: newest.digest } : null,
    serving: servingOf(record.serving, record.merging),
    placement: placementAs(isShadow ? 'shadow' : 'other', record, kindNamed(record.kind)),
  };
}

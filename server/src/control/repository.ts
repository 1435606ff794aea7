import type { RepositoryEntry } from '../messages.ts';
import type { Registry } from '../registry/registry.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Changes } from './changes.ts';

/** Takes a model out of every lane, or back in; only within a turn. Nothing else about it changes. */
export async function setLoaded(changes: Changes, model: string, loaded: boolean, by: string): Promise<void> {
  const record = changes.model(model);
  if (record.unloaded !== loaded) return;
  await changes.make(() => {
    changes.registry.saveModel({ ...record, unloaded: !loaded });
    const message = loaded ? 'It was loaded, and answers again.' : 'It was unloaded, and answers nobody.';
    const level = loaded ? 'well' : 'look';
    changes.enter({ model, version: null, kind: loaded ? 'load' : 'unload', level, message, by });
  });
}

/** Every registered version, and whether the lanes answer for it. */
export function repositoryIndex(registry: Registry, snapshot: Snapshot | null): RepositoryEntry[] {
  return registry.models().flatMap(({ model, unloaded }) =>
    registry.versions(model).map(({ version, quarantined }): RepositoryEntry => {
      const isServed = snapshot?.models[model]?.versions[version] !== undefined;
      if (isServed && !unloaded) return { model, version, state: 'ready', reason: '' };
      const reason = quarantined ? 'quarantined' : unloaded ? 'unloaded' : 'neither live nor in a rollout';
      return { model, version, state: 'unavailable', reason };
    }),
  );
}

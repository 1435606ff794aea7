import { readFileSync } from 'node:fs';
import { layout } from '../../src/layout.ts';
import { kindNamed } from '../../src/models/kinds.ts';
import { Blobs } from '../../src/registry/blobs.ts';
import { Registry } from '../../src/registry/registry.ts';
import { defaultPolicy } from '../../src/signature.ts';

/** A registered model, as a deploy would have left it: for tests that need hundreds, each of which would be tried in a process of its own. */
export interface Registered {
  name: string;
  kind: string;
  /** Path of its file. */
  file: string;
  /** What the gate would have measured, bytes; absent: as of a version of an older Slipway. */
  attachedBytes?: number;
}

/** Writes them into a data folder that no Slipway runs on. */
export async function register(folder: string, models: Iterable<Registered>): Promise<void> {
  const places = layout(folder);
  const blobs = new Blobs(places.blobs);
  const registry = new Registry(places.registry);
  for (const { name, kind, file, attachedBytes } of models) {
    const { program, signature, facts } = await kindNamed(kind).prepare({ main: 'model', path: file }, {});
    const { digest } = await blobs.put(program);
    registry.addVersion({
      model: name,
      version: 1,
      kind,
      program: digest,
      signature,
      policy: defaultPolicy,
      impute: signature.features.map(() => null),
      baseline: null,
      promise: null,
      microseconds: 5,
      ...(attachedBytes === undefined ? {} : { attachedBytes }),
      facts,
      gates: [],
      provenance: {
        by: 'test',
        at: 1,
        file,
        digest,
        bytes: readFileSync(file).length,
        framework: kind,
      },
    });
    registry.saveModel({
      model: name,
      live: 1,
      previous: null,
      rollout: null,
      failedWrite: 'refuse',
      privacy: { hash: [], drop: [] },
      unloaded: false,
    });
  }
  registry.close();
}

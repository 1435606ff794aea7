import { SlipwayError } from '../errors.ts';
import type { Update } from '../messages.ts';
import { type ServedModel, type Snapshot, servingIn } from '../snapshot.ts';
import { type Arm, applyUpdate, attachArm, retire, serveAs } from './arm.ts';

/** One model of the current snapshot with its arms attached. */
export interface ServedHere {
  manifest: ServedModel;
  live: Arm;
  shadows: Arm[];
  arms: Map<number, Arm>;
}

/**
 * The snapshot that this process serves, attached. A new one is attached beside the present one, warmed,
 * and made current in one assignment; what both share is reused.
 */
export class Served {
  readonly #blobs: string;
  readonly #secret: string;
  readonly #updates = new Map<string, Update>();
  #models = new Map<string, ServedHere>();
  #unloaded = new Set<string>();
  #number = 0;

  constructor(blobs: string, secret: string) {
    this.#blobs = blobs;
    this.#secret = secret;
  }

  get number(): number {
    return this.#number;
  }

  /** Model names, sorted. */
  names(): string[] {
    return [...this.#models.keys()].sort();
  }

  model(name: string): ServedHere | undefined {
    return this.#models.get(name);
  }

  route(name: string, version: number | null): Arm {
    const model = this.#models.get(name);
    if (!model && this.#unloaded.has(name)) {
      throw new SlipwayError('MODEL_UNLOADED', `Model "${name}" is unloaded.`);
    }
    if (!model) throw new SlipwayError('MODEL_NOT_FOUND', `There is no model "${name}".`);
    if (version === null) return model.live;
    const arm = model.arms.get(version);
    if (!arm) throw new SlipwayError('VERSION_NOT_FOUND', `Version ${version} of "${name}" is not served.`);
    return arm;
  }

  /** Attaches, warms and makes current. Throws without a trace when a version cannot be attached. */
  async take(snapshot: Snapshot): Promise<void> {
    if (snapshot.number <= this.#number) return;
    const models = new Map<string, ServedHere>();
    const unloaded = new Set<string>();
    const fresh: Arm[] = [];
    try {
      for (const [name, manifest] of Object.entries(snapshot.models)) {
        if (manifest.unloaded) {
          unloaded.add(name);
          continue;
        }
        const arms = new Map<number, Arm>();
        for (const version of Object.values(manifest.versions)) {
          const known = this.#models.get(name)?.arms.get(version.version);
          const reused = known && sameMade(this.#models.get(name)!.manifest, manifest, version.version);
          const arm = reused
            ? known
            : await attachArm(
                manifest,
                version,
                this.#blobs,
                this.#secret,
                this.#updates.get(`${name}/${version.version}`),
              );
          if (!reused) fresh.push(arm);
          arms.set(version.version, arm);
        }
        const live = arms.get(manifest.live);
        if (!live)
          throw new SlipwayError('INTERNAL', `Snapshot ${snapshot.number} has no live version of "${name}".`);
        const shadows = manifest.shadows
          .map((version) => arms.get(version))
          .filter((arm) => arm !== undefined);
        models.set(name, { manifest, live, shadows, arms });
      }
    } catch (error) {
      for (const arm of fresh) retire(arm);
      throw error;
    }
    const before = [...this.#models.values()].flatMap((model) => [...model.arms.values()]);
    const kept = new Set([...models.values()].flatMap((model) => [...model.arms.values()]));
    this.#models = models;
    this.#unloaded = unloaded;
    this.#number = snapshot.number;
    // What an arm was made from is the same; how it is served may not be.
    for (const { manifest, arms } of models.values())
      for (const [version, arm] of arms) serveAs(arm, servingIn(manifest.versions[version]!));
    // An update may have come while arms were being attached.
    for (const update of this.#updates.values()) this.update(update);
    for (const arm of before) if (!kept.has(arm)) retire(arm);
  }

  /** Serves a learner's newer state at once; kept for versions that are attached later. */
  update(update: Update): void {
    this.#updates.set(`${update.model}/${update.version}`, update);
    const arm = this.#models.get(update.model)?.arms.get(update.version);
    if (arm) applyUpdate(arm, update);
  }
}

/** Whether an attached arm can stay: nothing that it was made from has changed. */
function sameMade(before: ServedModel, after: ServedModel, version: number): boolean {
  const was = before.versions[version];
  const is = after.versions[version];
  return (
    was?.program === is?.program &&
    JSON.stringify(was?.policy) === JSON.stringify(is?.policy) &&
    JSON.stringify(before.privacy) === JSON.stringify(after.privacy)
  );
}

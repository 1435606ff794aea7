import type { Actor } from '../actor.ts';
import { SlipwayError } from '../errors.ts';
import type { LaneMetrics, RepositoryEntry } from '../messages.ts';
import { type ModelMetadata, modelMetadata, type ServerMetadata, serverMetadata } from '../oip/metadata.ts';
import { type ModelConfig, modelConfig } from '../oip/model-config.ts';
import { type ModelStatistics, modelStatistics } from '../oip/statistics.ts';
import { servingIn } from '../snapshot.ts';
import { broughtFiles } from './brought-files.ts';
import type { ControlLine } from './control-line.ts';
import type { Served } from './served.ts';

/** A candidate has a minute, and may wait for others, ms. */
const deployMs = 300_000;

/** What Triton's repository index says of a version. */
export interface IndexEntry {
  name: string;
  version: string;
  state: 'READY' | 'UNAVAILABLE';
  reason: string;
}

/** Everything that clients of the Open Inference Protocol ask besides inference; the edges translate it. */
export class Catalog {
  readonly #served: Served;
  readonly #control: ControlLine;
  readonly #productVersion: string;

  constructor(served: Served, control: ControlLine, productVersion: string) {
    this.#served = served;
    this.#control = control;
    this.#productVersion = productVersion;
  }

  server(): ServerMetadata {
    return serverMetadata(this.#productVersion);
  }

  /** Models that are served, sorted. */
  names(): string[] {
    return this.#served.names();
  }

  /** Whether a request would be answered: at once, or when the version is attached again. `version`: as callers name it. */
  isReady(model: string, version: string): boolean {
    try {
      this.checkReady(model, versionNamed(version));
      return true;
    } catch {
      return false;
    }
  }

  /** Throws why it is not ready: MODEL_NOT_FOUND, MODEL_UNLOADED, NO_LIVE_VERSION, VERSION_NOT_FOUND or ATTACH_FAILED. */
  checkReady(model: string, version: number | null): void {
    const failure = this.#served.failure(model, version);
    if (failure) throw failure;
  }

  /** Throws MODEL_NOT_FOUND, MODEL_UNLOADED, NO_LIVE_VERSION or VERSION_NOT_FOUND, as do those below. */
  model(model: string, version: number | null): ModelMetadata {
    const { kind, signature } = this.#served.version(model, version);
    return modelMetadata(model, kind, this.#versions(model), signature);
  }

  config(model: string, version: number | null): ModelConfig {
    const one = this.#served.version(model, version);
    return modelConfig(model, one.kind, this.#versions(model), one.signature, servingIn(one));
  }

  /** Summed over lanes. `model` '': of all; `version` null: of all that are served. */
  async statistics(model: string, version: number | null): Promise<{ model_stats: ModelStatistics[] }> {
    if (model !== '') this.#served.version(model, version);
    const lanes = (await this.#control.ask({ kind: 'metrics' })) as LaneMetrics[];
    const names = model === '' ? this.#served.names() : [model];
    return {
      model_stats: names.flatMap((name) =>
        (version === null ? this.#versions(name) : [version]).map((one) => modelStatistics(lanes, name, one)),
      ),
    };
  }

  async index(readyOnly: boolean): Promise<IndexEntry[]> {
    const entries = (await this.#control.ask({ kind: 'repository' })) as RepositoryEntry[];
    return entries
      .filter(({ state }) => state === 'ready' || !readyOnly)
      .map(({ model, version, state, reason }) => ({
        name: model,
        version: String(version),
        state: state === 'ready' ? 'READY' : 'UNAVAILABLE',
        reason,
      }));
  }

  /** In force on every lane when it is done, as is what follows. `by`: the caller's name. */
  async unload(model: string, by: string): Promise<void> {
    await this.#control.ask({ kind: 'unload', model, by });
  }

  /** `parameters`: of the request. Files among them become the next version, if its gates let it pass, and are live. */
  async load(model: string, parameters: { [name: string]: unknown }, by: Actor): Promise<void> {
    const given = Object.keys(parameters).find((name) => name === 'config' || name.startsWith('file:'));
    if (given !== undefined && !by.isAdmin) {
      throw loadRefused(`"${given.slice(0, 100)}"`, model);
    }
    const file = broughtFiles(model, parameters);
    if (file) await this.#control.ask({ kind: 'deploy', model, file, by: by.name }, deployMs);
    else await this.#control.ask({ kind: 'load', model, by: by.name });
  }

  #versions(model: string): number[] {
    return [...(this.#served.model(model)?.seats.keys() ?? [])];
  }
}

/** `what` came with it, which only an admin may send. */
export function loadRefused(what: string, model: string): SlipwayError {
  return new SlipwayError('LOAD_REFUSED', `${what} came with the request to load "${model.slice(0, 100)}".`);
}

/** A version as callers name it: '' is the one that is live. Throws VERSION_NOT_FOUND. */
export function versionNamed(text: string): number | null {
  if (text === '') return null;
  if (!/^[1-9]\d{0,8}$/.test(text)) {
    throw new SlipwayError('VERSION_NOT_FOUND', `"${text.slice(0, 60)}" is no version number.`);
  }
  return Number(text);
}

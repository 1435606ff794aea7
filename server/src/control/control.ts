import { randomBytes } from 'node:crypto';
import type { ChangeAnswer, DeployRequest, RolloutRequest } from '../api.ts';
import type { ServingRequest } from '../api-serving.ts';
import { SlipwayError } from '../errors.ts';
import type { Bounds } from '../gates/candidate-process.ts';
import { Candidates } from '../gates/candidates.ts';
import type { Layout } from '../layout.ts';
import type { Command, LaneQuestion } from '../messages.ts';
import type { ProcessLoss } from '../process-loss.ts';
import { Blobs } from '../registry/blobs.ts';
import { Registry, type RolloutRecord, type VersionRecord } from '../registry/registry.ts';
import { Changes } from './changes.ts';
import { keepCheckpoint } from './checkpoints.ts';
import { deploy } from './deploy.ts';
import { sweepLeftovers } from './leftovers.ts';
import { Lines } from './lines.ts';
import { lost } from './quarantine.ts';
import { repositoryIndex, setLoaded } from './repository.ts';
import { changeRollout, startRollout } from './rollouts.ts';
import { type OrderScorers, Scorers } from './scorers.ts';
import { follow, previousOf, switchTo } from './switch.ts';
import { Troubles } from './troubles.ts';
import { tune } from './tune.ts';
import { clearUndone } from './undone-verdict.ts';

/** For a learner to be set back, ms. */
const restoreMs = 15_000;

export interface ControlOptions {
  layout: Layout;
  bounds: Bounds;
  /** ms since the epoch. */
  now: () => number;
  onScorers: OrderScorers;
  onChanged: (topics: string[]) => void;
}

/** The use cases: every change to what is served goes through here, and is in force when it returns. */
export class Control {
  readonly registry: Registry;
  readonly blobs: Blobs;
  readonly lines: Lines;
  readonly scorers: Scorers;
  readonly troubles: Troubles;
  readonly #candidates: Candidates;
  readonly #options: ControlOptions;
  readonly #changes: Changes;
  readonly #restored = new Map<string, () => void>();
  #endSweeping = (): void => {};

  constructor(options: ControlOptions) {
    const { layout, now, onChanged } = options;
    this.#options = options;
    this.registry = new Registry(layout.registry);
    this.blobs = new Blobs(layout.blobs);
    this.scorers = new Scorers(options.onScorers);
    this.#candidates = new Candidates(options.bounds, layout.candidates);
    const { registry, blobs, scorers } = this;
    this.#changes = new Changes({ registry, blobs, scorers, snapshotFile: layout.snapshot, now, onChanged });
    this.troubles = new Troubles(this.#changes);
    this.lines = new Lines(
      () => this.#changes.snapshot,
      (command) => this.carryOut(command),
      (question) => this.answer(question),
      onChanged,
    );
  }

  /** Number of the snapshot that lanes should serve. */
  get snapshot(): number {
    return this.#changes.snapshot?.number ?? 0;
  }

  async open(): Promise<void> {
    this.#candidates.clean();
    this.#endSweeping = sweepLeftovers(this.registry, this.blobs, this.#options.now);
    this.#changes.begin(this.lines);
    await this.lines.open(this.#options.layout.controlSocket);
  }

  close(): void {
    this.#endSweeping();
    this.#candidates.close();
    this.lines.close();
    this.registry.close();
  }

  /** A file is kept until it is deployed. Throws BODY_TOO_LARGE. */
  upload(bytes: AsyncIterable<Uint8Array>, limit: number): Promise<{ digest: string; bytes: number }> {
    this.#candidates.expect();
    return this.blobs.putStream(bytes, limit);
  }

  async deploy(
    model: string,
    request: DeployRequest,
    by: string,
  ): Promise<{ record: VersionRecord; rollout: string | null; unloaded: boolean }> {
    this.#candidates.expect();
    try {
      const deployed = await deploy(this.#changes, this.#candidates, model, request, by);
      return { ...deployed, unloaded: this.#changes.model(model).unloaded };
    } finally {
      // Whoever deploys one often deploys the next.
      this.#candidates.expect();
    }
  }

  promote(model: string, version: number, by: string, reasons: string[]): Promise<ChangeAnswer> {
    return this.#changes.inTurn(async () => {
      await switchTo(this.#changes, { model, version, kind: 'promote', by, reasons, command: null });
      return this.#answer(model);
    });
  }

  rollBack(model: string, by: string, reasons: string[]): Promise<ChangeAnswer> {
    return this.#changes.inTurn(async () => {
      const version = previousOf(this.#changes, model);
      await switchTo(this.#changes, { model, version, kind: 'roll back', by, reasons, command: null });
      return this.#answer(model);
    });
  }

  tune(model: string, version: number, request: ServingRequest, by: string): Promise<void> {
    return tune(this.#changes, model, version, request, by);
  }

  startRollout(model: string, request: RolloutRequest, by: string): Promise<RolloutRecord> {
    return startRollout(this.#changes, model, request, by);
  }

  changeRollout(
    model: string,
    id: string,
    change: 'hold' | 'resume' | 'stop',
    by: string,
  ): Promise<RolloutRecord> {
    return changeRollout(this.#changes, model, id, change, by);
  }

  /** Sets a learner back to a kept checkpoint; it learns on from there. */
  async restoreCheckpoint(model: string, version: number, update: number, by: string): Promise<void> {
    this.#changes.version(model, version);
    const checkpoint = this.registry.checkpoints(model, version).find((one) => one.update === update);
    if (!checkpoint) {
      throw new SlipwayError(
        'CHECKPOINT_NOT_FOUND',
        `Version ${version} of "${model}" has no checkpoint ${update}.`,
      );
    }
    const state = new Uint8Array(await this.blobs.read(checkpoint.digest));
    const id = `restore/${model}/${version}/${update}/${randomBytes(6).toString('hex')}`;
    const restored = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new SlipwayError('TIMEOUT', 'The learner was not set back in time.')),
        restoreMs,
      );
      this.#restored.set(id, () => {
        clearTimeout(timer);
        resolve();
      });
    });
    try {
      this.lines.sendToLoops({ type: 'restore', id, model, version, update, state, by });
      await restored;
    } finally {
      this.#restored.delete(id);
    }
  }

  /** Takes a model out of the lanes, or back into them; its versions, history and learners stay as they are. */
  setLoaded(model: string, loaded: boolean, by: string): Promise<ChangeAnswer> {
    return this.#changes.inTurn(async () => {
      await setLoaded(this.#changes, model, loaded, by);
      return this.#answer(model);
    });
  }

  /** Answers what a caller of the data plane wants of control. */
  async answer(question: LaneQuestion): Promise<unknown> {
    switch (question.kind) {
      case 'metrics':
        return this.lines.metrics();
      case 'repository':
        return repositoryIndex(this.registry, this.#changes.snapshot);
      case 'load':
      case 'unload':
        await this.setLoaded(question.model, question.kind === 'load', question.by);
        return null;
      case 'deploy':
        await this.#deployFile(question);
        return null;
    }
  }

  /** Carries out a loop's command, once for each id. */
  async carryOut(command: Command): Promise<void> {
    if (this.registry.isDone(command.id)) return;
    switch (command.kind) {
      case 'promote':
      case 'roll back':
        if (!(await this.#changes.inTurn(() => follow(this.#changes, command)))) return;
        break;
      case 'withdrawn':
        clearUndone(this.#changes, command.model, command.rollout);
        this.#options.onChanged([`models/${command.model}`, 'models']);
        break;
      case 'checkpoint':
        await this.#changes.inTurn(() => keepCheckpoint(this.#changes, command));
        break;
      case 'finding':
        this.#sayFinding(command.finding);
        break;
      case 'restored': {
        const { model, version, from, update, at } = command;
        const message = `Version ${version} went back to its checkpoint ${from} and learns on from there as update ${update}.`;
        this.#changes.enter({ model, version, kind: 'restore', message, by: 'control', eventTime: at });
        this.#restored.get(command.id)?.();
      }
    }
    this.registry.setDone(command.id);
  }

  /** A process of this version, its scorer or one below that, has ended, and is being replaced. */
  lost(model: string, version: number, loss: ProcessLoss): Promise<void> {
    return lost(this.#changes, model, version, loss);
  }

  /** A process went and is being replaced. */
  replaced(name: string, how: string): void {
    const message = `${name} ended (${how}) and is being replaced.`;
    this.#changes.enter({
      model: null,
      version: null,
      kind: 'process',
      level: 'look',
      message,
      by: 'supervisor',
    });
    this.#options.onChanged(['status', 'timeline']);
  }

  started(): void {
    const message = 'Control was started.';
    this.#changes.enter({ model: null, version: null, kind: 'start', message, by: 'supervisor' });
  }

  async #deployFile({
    model,
    file: { name, content },
    by,
  }: Extract<LaneQuestion, { kind: 'deploy' }>): Promise<void> {
    const { digest } = await this.blobs.put(content);
    await this.deploy(model, { file: { name, digest }, as: 'live' }, by);
    // Whoever loads a model wants it to answer, also where it had been unloaded.
    await this.setLoaded(model, true, by);
  }

  #answer(model: string): ChangeAnswer {
    const { live, previous, unloaded } = this.#changes.model(model);
    return { model, live, previous, unloaded, snapshot: this.snapshot, lanes: this.lines.lanes };
  }

  #sayFinding({
    model,
    version,
    level,
    message,
    at,
    cleared,
    hint,
    monitor,
  }: Extract<Command, { kind: 'finding' }>['finding']): void {
    this.#changes.enter({
      model,
      version,
      kind: 'finding',
      level: cleared === null ? level : 'well',
      message,
      by: `monitor ${monitor}`,
      reasons: [hint],
      eventTime: cleared ?? at,
    });
    this.#options.onChanged([`models/${model}`, 'timeline']);
  }
}

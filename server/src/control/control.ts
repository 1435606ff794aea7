import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { ChangeAnswer, DeployRequest, FindingView, RolloutRequest } from '../api.ts';
import { readSnapshot, writeSnapshot } from '../db/snapshot-file.ts';
import { SlipwayError, toSlipwayError } from '../errors.ts';
import { type Bounds, type Tried, tryCandidate } from '../gates/candidate.ts';
import { signatureDifference } from '../gates/signature.ts';
import type { Layout } from '../layout.ts';
import type { Command } from '../messages.ts';
import { Blobs } from '../registry/blobs.ts';
import {
  type ModelRecord,
  type NewEntry,
  Registry,
  type RolloutRecord,
  type VersionRecord,
} from '../registry/registry.ts';
import { defaultRule } from '../rollout/decide.ts';
import { defaultPolicy } from '../signature.ts';
import type { Snapshot } from '../snapshot.ts';
import { keepCheckpoint } from './checkpoints.ts';
import { Lines } from './lines.ts';
import { makeSnapshot } from './manifest.ts';

const modelName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
/** A version that hung a lane so often is taken out. */
const hangsAllowed = 1;
/** For a learner to be set back, ms. */
const restoreMs = 15_000;

export interface ControlOptions {
  layout: Layout;
  bounds: Bounds;
  /** ms since the epoch. */
  now: () => number;
  /** Something that readers of the API may have seen has changed. */
  onChanged: (topics: string[]) => void;
}

/** The use cases: every change to what is served goes through here, one at a time, and is in force when it returns. */
export class Control {
  readonly registry: Registry;
  readonly blobs: Blobs;
  readonly lines: Lines;
  readonly #options: ControlOptions;
  #snapshot: Snapshot | null;
  /** Changes wait for each other: a snapshot is in force, or undone, before the next is made. */
  #last: Promise<unknown> = Promise.resolve();
  readonly #restored = new Map<string, () => void>();

  constructor(options: ControlOptions) {
    this.#options = options;
    this.registry = new Registry(options.layout.registry);
    this.blobs = new Blobs(options.layout.blobs);
    this.#snapshot = readSnapshot(options.layout.snapshot);
    this.lines = new Lines(
      () => this.#snapshot,
      (command) => this.carryOut(command),
      options.onChanged,
    );
  }

  get snapshot(): number {
    return this.#snapshot?.number ?? 0;
  }

  async open(): Promise<void> {
    await this.lines.open(this.#options.layout.controlSocket);
    if (!this.#snapshot)
      this.#put(makeSnapshot(this.registry, this.registry.nextSnapshot(), this.#options.now()));
  }

  close(): void {
    this.lines.close();
    this.registry.close();
  }

  /** Tries a file, and registers it as the model's next version if every gate lets it pass. */
  async deploy(
    name: string,
    request: DeployRequest,
    by: string,
  ): Promise<{ record: VersionRecord; snapshot: number; rollout: string | null }> {
    if (!modelName.test(name)) {
      throw new SlipwayError(
        'INVALID_REQUEST',
        `"${name}" is no model name.`,
        'Letters, digits, ".", "_" and "-", at most 100, beginning with a letter or digit.',
      );
    }
    const place = (one: { name: string; digest: string } | undefined) =>
      one ? { name: one.name, path: this.blobs.path(one.digest) } : null;
    const trial = {
      file: place(request.file)!,
      baseline: place(request.baseline),
      golden: place(request.golden),
      label: request.label ?? null,
      classes: request.classes ?? null,
    };
    const made = await tryCandidate(trial, this.#options.bounds, async (tried, folder) => ({
      tried,
      program: await this.blobs.putFile(join(folder, 'program')),
      baseline: tried.hasBaseline ? await this.blobs.putFile(join(folder, 'baseline')) : null,
    }));
    return this.#inTurn(async () => {
      const record = this.#recordOf(name, request, by, made);
      const rollout = await this.#change(() => this.#register(record, request, by));
      return { record, snapshot: this.snapshot, rollout };
    });
  }

  promote(model: string, version: number, by: string, reasons: string[]): Promise<ChangeAnswer> {
    return this.#inTurn(() => this.#switch(model, version, by, reasons, 'promote', null));
  }

  rollBack(model: string, by: string, reasons: string[]): Promise<ChangeAnswer> {
    return this.#inTurn(() => {
      const { previous } = this.#model(model);
      if (previous === null)
        throw new SlipwayError('NOTHING_TO_ROLL_BACK_TO', `No version of "${model}" was live before.`);
      return this.#switch(model, previous, by, reasons, 'roll back', null);
    });
  }

  startRollout(model: string, request: RolloutRequest, by: string): Promise<RolloutRecord> {
    return this.#inTurn(async () => {
      const record = this.#model(model);
      this.#version(model, request.candidate);
      if (record.rollout)
        throw new SlipwayError(
          'CONFLICT',
          `Rollout ${record.rollout} of "${model}" is running.`,
          'Stop it first.',
        );
      if (record.live === request.candidate)
        throw new SlipwayError('CONFLICT', `Version ${request.candidate} is live already.`);
      const id = await this.#change(() => this.#beginRollout(record, request.candidate, request, by));
      return this.registry.rollout(id)!;
    });
  }

  /** Holds a rollout (it counts on and decides nothing), lets it go on, or ends it. */
  changeRollout(
    model: string,
    id: string,
    change: 'hold' | 'resume' | 'stop',
    by: string,
  ): Promise<RolloutRecord> {
    return this.#inTurn(async () => {
      const record = this.#model(model);
      const rollout = this.registry.rollout(id);
      if (!rollout || rollout.model !== model)
        throw new SlipwayError('ROLLOUT_NOT_FOUND', `"${model}" has no rollout ${id}.`);
      if (record.rollout !== id) throw new SlipwayError('CONFLICT', `Rollout ${id} has ended.`);
      await this.#change(() => {
        if (change === 'stop') {
          this.#endRollout(record, rollout, 'inconclusive', [`Stopped by ${by}.`]);
          this.registry.saveModel({ ...record, rollout: null });
        } else this.registry.saveRollout({ ...rollout, held: change === 'hold' });
        const what = {
          hold: 'is held: it counts on and decides nothing',
          resume: 'goes on',
          stop: 'was stopped',
        }[change];
        this.#enter({
          model,
          version: rollout.candidate,
          kind: 'rollout',
          message: `Rollout ${id} ${what}.`,
          by,
        });
      });
      return this.registry.rollout(id)!;
    });
  }

  /** Sets a learner back to a kept checkpoint; it learns on from there. */
  async restoreCheckpoint(
    model: string,
    version: number,
    update: number,
    by: string,
  ): Promise<{ update: number }> {
    this.#version(model, version);
    const checkpoint = this.registry.checkpoints(model, version).find((one) => one.update === update);
    if (!checkpoint)
      throw new SlipwayError(
        'CHECKPOINT_NOT_FOUND',
        `Version ${version} of "${model}" has no checkpoint ${update}.`,
      );
    const state = await this.blobs.read(checkpoint.digest);
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
      this.lines.sendToLoops({
        type: 'restore',
        id,
        model,
        version,
        update,
        state: new Uint8Array(state),
        by,
      });
      await restored;
    } finally {
      this.#restored.delete(id);
    }
    return { update };
  }

  /** Carries out a loop's command, once for each id. */
  async carryOut(command: Command): Promise<void> {
    if (this.registry.isDone(command.id)) return;
    if (command.kind === 'promote' || command.kind === 'roll back')
      await this.#inTurn(() => this.#follow(command));
    else if (command.kind === 'checkpoint') await this.#inTurn(() => this.#keep(command));
    else if (command.kind === 'finding') this.#sayFinding(command.finding, command.id);
    else if (command.kind === 'restored') {
      const { model, version, from, update, at } = command;
      const message = `Version ${version} went back to its checkpoint ${from} and learns on from there as update ${update}.`;
      this.#enter({ model, version, kind: 'restore', message, by: 'control', eventTime: at });
      this.#restored.get(command.id)?.();
    }
    this.registry.setDone(command.id);
  }

  /** A lane was killed for its silence while this version was answering. */
  hung(model: string, version: number): Promise<void> {
    return this.#inTurn(async () => {
      const record = this.registry.version(model, version);
      if (!record || record.quarantined) return;
      const hangs = this.registry.countHang(model, version);
      if (hangs <= hangsAllowed) {
        const message = `Version ${version} did not answer until its lane was killed. The next time it is quarantined.`;
        this.#enter({ model, version, kind: 'lane', level: 'look', message, by: 'supervisor' });
        this.#options.onChanged([`models/${model}`, 'timeline']);
        return;
      }
      await this.#change(() => this.#quarantine(model, version, hangs));
    });
  }

  /** A process went and is being replaced. */
  replaced(name: string, how: string): void {
    this.#enter({
      model: null,
      version: null,
      kind: 'process',
      level: 'look',
      message: `${name} ended (${how}) and is being replaced.`,
      by: 'supervisor',
    });
    this.#options.onChanged(['status', 'timeline']);
  }

  started(): void {
    this.#enter({
      model: null,
      version: null,
      kind: 'start',
      message: 'Slipway was started.',
      by: 'supervisor',
    });
  }

  #recordOf(
    name: string,
    request: DeployRequest,
    by: string,
    made: { tried: Tried; program: { digest: string }; baseline: { digest: string } | null },
  ): VersionRecord {
    const { tried } = made;
    const versions = this.registry.versions(name);
    const gates = [...tried.gates];
    const against = versions.at(-1);
    if (against) {
      const difference = signatureDifference(against.signature, tried.signature);
      if (difference !== null && !request.allowSignatureChange) {
        throw new SlipwayError(
          'SIGNATURE_MISMATCH',
          `Gate "signature": unlike version ${against.version}, ${difference}.`,
        );
      }
      gates.push({
        name: 'signature',
        passed: true,
        detail:
          difference === null ? `fits version ${against.version}` : `differs, as allowed: ${difference}`,
      });
    }
    return {
      model: name,
      version: (against?.version ?? 0) + 1,
      kind: tried.kind,
      program: made.program.digest,
      signature: tried.signature,
      policy: { ...defaultPolicy, ...request.policy },
      impute: tried.impute,
      baseline: made.baseline?.digest ?? null,
      promise: tried.promise,
      microseconds: tried.microseconds,
      facts: tried.facts,
      gates,
      provenance: {
        by,
        at: this.#options.now(),
        file: request.file.name,
        digest: request.file.digest,
        bytes: this.blobs.size(request.file.digest),
        framework: String(tried.facts.framework ?? tried.kind),
      },
    };
  }

  /** Returns the id of the rollout that it began, or null. */
  #register(record: VersionRecord, request: DeployRequest, by: string): string | null {
    const { model, version, kind, provenance } = record;
    this.registry.addVersion(record);
    const before = this.registry.model(model);
    const settings = {
      failedWrite: request.failedWrite ?? before?.failedWrite ?? 'refuse',
      privacy: {
        hash: request.privacy?.hash ?? before?.privacy.hash ?? [],
        drop: request.privacy?.drop ?? before?.privacy.drop ?? [],
      },
    };
    const live = before?.live ?? null;
    const goesLive = live === null || request.as === 'live';
    const said = goesLive
      ? 'is live'
      : request.as === 'shadow'
        ? 'answers in shadow'
        : 'waits to be promoted';
    const message = `Version ${version} (${kind}, from ${provenance.file}) passed its gates and ${said}.`;
    this.#enter({
      model,
      version,
      kind: 'deploy',
      message,
      by,
      reasons: record.gates.map((gate) => `${gate.name}: ${gate.detail}`),
    });
    if (goesLive) {
      if (before?.rollout)
        this.#endRollout(before, this.registry.rollout(before.rollout)!, 'inconclusive', [
          `Version ${version} was put live by ${by}.`,
        ]);
      this.registry.saveModel({ model, live: version, previous: live, rollout: null, ...settings });
      return null;
    }
    const present: ModelRecord = { ...before!, ...settings };
    this.registry.saveModel(present);
    if (request.as !== 'shadow') return null;
    if (present.rollout)
      throw new SlipwayError(
        'CONFLICT',
        `Rollout ${present.rollout} of "${model}" is running.`,
        'Stop it first, or deploy without --as shadow.',
      );
    return this.#beginRollout(present, version, {}, by);
  }

  #beginRollout(record: ModelRecord, candidate: number, rule: Partial<RolloutRequest>, by: string): string {
    const { model } = record;
    const id = `${model}-${this.registry.rollouts(model).length + 1}`;
    const live = record.live!;
    this.registry.saveRollout({
      id,
      model,
      phase: 'compare',
      live,
      candidate,
      alpha: rule.alpha ?? defaultRule.alpha,
      leastPairs: rule.leastPairs ?? defaultRule.leastPairs,
      margin: rule.margin ?? defaultRule.margin,
      held: false,
      startedAt: this.#options.now(),
      endedAt: null,
      verdict: 'continue',
      reasons: [],
    });
    this.registry.saveModel({ ...record, rollout: id });
    const message = `Version ${candidate} answers in shadow of version ${live}, and is promoted by itself once it is proven better.`;
    this.#enter({ model, version: candidate, kind: 'rollout', message, by });
    return id;
  }

  #endRollout(
    record: ModelRecord,
    rollout: RolloutRecord,
    verdict: RolloutRecord['verdict'],
    reasons: string[],
  ): void {
    this.registry.saveRollout({ ...rollout, verdict, reasons, endedAt: this.#options.now() });
    this.registry.saveModel({ ...record, rollout: null });
  }

  /** Makes another version live. In a rollout on it, the former live version is watched from the shadow. */
  async #switch(
    name: string,
    version: number,
    by: string,
    reasons: string[],
    kind: 'promote' | 'roll back',
    command: Extract<Command, { kind: 'promote' | 'roll back' }> | null,
  ): Promise<ChangeAnswer> {
    const record = this.#model(name);
    const { quarantined } = this.#version(name, version);
    if (quarantined)
      throw new SlipwayError('VERSION_QUARANTINED', `Version ${version} of "${name}" is quarantined.`);
    if (record.live !== version) {
      await this.#change(() => {
        const before = record.live;
        const rollout = record.rollout ? this.registry.rollout(record.rollout) : null;
        const guards =
          kind === 'promote' &&
          rollout?.phase === 'compare' &&
          rollout.candidate === version &&
          before !== null;
        if (guards) {
          this.registry.saveRollout({
            ...rollout,
            phase: 'guard',
            live: version,
            candidate: before,
            verdict: 'promote',
            reasons,
          });
        } else if (rollout)
          this.#endRollout(record, rollout, kind === 'roll back' ? 'roll back' : 'inconclusive', reasons);
        this.registry.saveModel({
          ...record,
          live: version,
          previous: before,
          rollout: guards ? rollout.id : null,
        });
        const verb = kind === 'promote' ? 'was promoted' : 'is live again';
        const message = `Version ${version} ${verb}${before === null ? '' : `; version ${before} ${guards ? 'goes on in shadow' : 'stays warm'}`}.`;
        this.#enter({ model: name, version, kind, message, by, reasons, eventTime: command?.at ?? null });
        if (command) this.registry.setDone(command.id);
      });
    }
    const { live, previous } = this.#model(name);
    return { model: name, live: live!, previous, snapshot: this.snapshot, lanes: this.lines.lanes };
  }

  async #follow(command: Extract<Command, { kind: 'promote' | 'roll back' }>): Promise<void> {
    const { model, version, rollout, reasons, kind } = command;
    // A rollout that a person has ended meanwhile decides nothing any more.
    if (this.registry.model(model)?.rollout !== rollout) return;
    const place = `Decided at live row ${command.row}.`;
    await this.#switch(model, version, `rollout ${rollout}`, [...reasons, place], kind, command);
  }

  async #keep(command: Extract<Command, { kind: 'checkpoint' }>): Promise<void> {
    const record = this.registry.version(command.model, command.version);
    if (!record) return;
    const { kept, dropped } = await keepCheckpoint(
      this.blobs,
      record,
      command,
      this.registry.checkpoints(command.model, command.version),
    );
    this.registry.transaction(() => {
      if (kept) this.registry.saveCheckpoint(kept);
      for (const one of dropped) this.registry.dropCheckpoint(one);
    });
    for (const one of dropped) this.blobs.delete(one.digest);
    const { model, version, update, at } = command;
    if (!kept) {
      const message = `The checkpoint at update ${update} of version ${version} did not pass its gates and was not kept.`;
      this.#enter({
        model,
        version,
        kind: 'checkpoint',
        level: 'look',
        message,
        by: 'control',
        eventTime: at,
      });
    }
    this.#options.onChanged([`models/${model}`]);
  }

  #sayFinding(finding: Extract<Command, { kind: 'finding' }>['finding'], id: string): void {
    const { model, version, level, message, at, cleared, hint } = finding;
    this.#enter({
      model,
      version,
      kind: 'finding',
      level: cleared === null ? level : 'well',
      message: cleared === null ? message : `No longer true: ${message}`,
      by: `monitor ${finding.monitor}`,
      reasons: [hint],
      eventTime: cleared ?? at,
    });
    this.registry.setDone(id);
    this.#options.onChanged([`models/${model}`, 'timeline']);
  }

  #quarantine(model: string, version: number, hangs: number): void {
    const record = this.#model(model);
    this.registry.quarantine(model, version);
    const rollout = record.rollout ? this.registry.rollout(record.rollout) : null;
    const involved = rollout && (rollout.candidate === version || rollout.live === version);
    if (involved) this.#endRollout(record, rollout, 'inconclusive', [`Version ${version} was quarantined.`]);
    const falls = record.live === version;
    const live = falls ? this.#lastSound(record) : record.live;
    this.registry.saveModel({
      ...record,
      live,
      previous: falls ? null : record.previous,
      rollout: involved ? null : record.rollout,
    });
    const then = !falls
      ? ''
      : live === null
        ? ' No other version can take its place: the model answers nothing.'
        : ` Version ${live} is live again.`;
    const message = `Version ${version} stopped a lane ${hangs} times and is quarantined.${then}`;
    const hint = 'Deploy a version that answers in bounded time on every row.';
    const at = this.#options.now();
    const finding: FindingView = {
      id: `${model}/${version}/hang`,
      model,
      version,
      monitor: 'supervisor',
      feature: null,
      level: 'act',
      message,
      hint,
      evidence: { hangs },
      since: at,
      at,
      row: 0,
      cleared: null,
    };
    this.registry.saveFinding(finding);
    this.#enter({
      model,
      version,
      kind: 'quarantine',
      level: 'act',
      message,
      by: 'supervisor',
      reasons: [hint],
    });
  }

  #lastSound(record: ModelRecord): number | null {
    const sound = this.registry.versions(record.model).filter((one) => !one.quarantined);
    return sound.find((one) => one.version === record.previous)?.version ?? sound.at(-1)?.version ?? null;
  }

  /** Changes the registry, and has every lane serve what it says then; undone as a whole if a lane refuses. */
  async #change<T>(change: () => T): Promise<T> {
    const before = this.registry.models();
    const result = this.registry.transaction(change);
    const snapshot = makeSnapshot(this.registry, this.registry.nextSnapshot(), this.#options.now());
    this.#put(snapshot);
    try {
      await this.lines.serve(snapshot);
    } catch (error) {
      if (toSlipwayError(error).code !== 'TIMEOUT') {
        for (const model of before) this.registry.saveModel(model);
        const undone = makeSnapshot(this.registry, this.registry.nextSnapshot(), this.#options.now());
        this.#put(undone);
        await this.lines.serve(undone).catch(() => {});
      }
      throw error;
    } finally {
      this.#options.onChanged([
        'models',
        'timeline',
        ...Object.keys(snapshot.models).map((model) => `models/${model}`),
      ]);
    }
    return result;
  }

  #put(snapshot: Snapshot): void {
    writeSnapshot(this.#options.layout.snapshot, snapshot);
    this.#snapshot = snapshot;
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(change, change);
    this.#last = turn.catch(() => {});
    return turn;
  }

  #model(name: string): ModelRecord {
    const record = this.registry.model(name);
    if (!record) throw new SlipwayError('MODEL_NOT_FOUND', `There is no model "${name}".`);
    return record;
  }

  #version(name: string, version: number): VersionRecord & { quarantined: boolean } {
    this.#model(name);
    const record = this.registry.version(name, version);
    if (!record) throw new SlipwayError('VERSION_NOT_FOUND', `"${name}" has no version ${version}.`);
    return record;
  }

  #enter(entry: Pick<NewEntry, 'model' | 'version' | 'kind' | 'message' | 'by'> & Partial<NewEntry>): void {
    this.registry.addEntry({
      eventTime: null,
      level: 'well',
      reasons: [],
      at: this.#options.now(),
      ...entry,
    });
  }
}

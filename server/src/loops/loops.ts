import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSnapshot } from '../db/snapshot-file.ts';
import { type Cursor, isAfter, type PredictionEvent } from '../events.ts';
import type { Finding } from '../finding.ts';
import { Finder } from '../journal/find.ts';
import { IdSource } from '../journal/id.ts';
import { type Damage, type ReadEvent, Reader } from '../journal/reader.ts';
import { type Retained, retain } from '../journal/retain.ts';
import type { Layout } from '../layout.ts';
import type { Command, ControlToLoops, Verdict } from '../messages.ts';
import type { Baseline } from '../monitors/baseline.ts';
import { type Snapshot, versionIn } from '../snapshot.ts';
import { Advancing } from './advancing.ts';
import { ControlLine } from './control-line.ts';
import { Join } from './join.ts';
import { LaneLines } from './lane-lines.ts';
import { Learning } from './learning.ts';
import { Predictions } from './predictions.ts';
import { Signatures } from './signatures.ts';
import { State } from './state.ts';
import { Told } from './told.ts';
import { Watching } from './watching.ts';

export interface LoopsOptions {
  layout: Layout;
  waitingLimit: number;
  waitingMs: number;
  checkpointLabels: number;
  retentionMs: number;
  retentionBytes: number;
  onDamage: (damage: Damage) => void;
}

/** Journal read in one transaction, bytes: bounds memory and how long readers of state.db see nothing new. */
const batchBytes = 1 << 20;
/** Recent predictions kept at hand for their labels, bytes. */
const recentBytes = 24 << 20;
/** Folds whose state may lag are saved this long after they moved, ms. */
const saveMs = 250;
/** Segments of lanes that died before they rang are looked for this often, ms. */
const lookMs = 1000;
/** Retention is looked at this often, ms. */
const retainMs = 60_000;

/** All loops over one journal: read, fold, commit, make what came of it happen, say so. */
export class Loops {
  readonly #options: LoopsOptions;
  readonly #state: State;
  readonly #reader: Reader;
  readonly #join: Join;
  readonly #signatures: Signatures;
  readonly #learning: Learning;
  readonly #advancing: Advancing;
  readonly #watching: Watching;
  readonly #lanes: LaneLines;
  readonly #told = new Told();
  readonly #control: ControlLine;
  /** Joined up to here; folds of predictions may be behind after a death. */
  #joined: Cursor;
  #snapshot: Snapshot | null = null;
  #next: Snapshot | null = null;
  /** Commands to be carried out before anything more is folded: those of before a death, and verdicts that are due. */
  #due: Command[] = [];
  #restores: Extract<ControlToLoops, { type: 'restore' }>[] = [];
  #working: Promise<void> | null = null;
  #woken = false;
  #look = true;
  #unsaved = false;
  #savedAt = 0;
  #oldest = 0;
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(options: LoopsOptions) {
    this.#options = options;
    const { layout } = options;
    this.#state = new State(layout.state);
    const { database } = this.#state;
    this.#joined = this.#state.cursor('watch');
    this.#reader = new Reader(layout.journal, this.#state.cursor('monitors'), options.onDamage);
    this.#signatures = new Signatures(database);
    this.#learning = new Learning(database, layout.blobs, options.checkpointLabels);
    const baselineOf = (model: string, version: number) => this.#baseline(model, version);
    this.#join = new Join(
      database,
      new Predictions(new Finder(layout.journal), recentBytes),
      (model, version) => this.#signatures.of(model, version),
      (model) => this.#learning.has(model),
    );
    this.#advancing = new Advancing(this.#state, baselineOf);
    this.#watching = new Watching(this.#state, baselineOf);
    this.#oldest = (this.#state.view('journal') as Retained | null)?.oldest ?? 0;
    this.#lanes = new LaneLines(
      () => this.wake(),
      () => this.#learning.updates(true),
      () => ({ waiting: this.#join.waiting, waitingLimit: options.waitingLimit, oldest: this.#oldest }),
    );
    this.#control = new ControlLine({
      path: layout.controlSocket,
      onSnapshot: (snapshot) => {
        this.#next = snapshot;
        this.wake();
      },
      onRestore: (restore) => {
        this.#restores.push(restore);
        this.wake();
      },
      onDone: (command) => this.#state.dropCommand(command),
      onRefused: (command) => {
        // After a death it is given again, if it still is one.
        if (decides(command)) this.#state.dropCommand(command.id);
      },
      stands: (command) => this.#stands(command),
    });
    this.#due.push(...this.#state.commands());
  }

  /** Begins; `snapshot`: as control left it on disk. */
  async start(snapshot: Snapshot | null): Promise<void> {
    this.#next ??= snapshot;
    await this.#takeSnapshot();
    await this.#lanes.open(this.#options.layout.loopsSocket);
    const look = setInterval(() => {
      this.#look = true;
      this.wake();
    }, lookMs);
    const retention = setInterval(() => this.#retain(), retainMs);
    this.#timers.push(look, retention);
    this.#retain();
    this.wake();
  }

  /** There may be something to do. */
  wake(): void {
    this.#woken = true;
    this.#working ??= this.#work().finally(() => {
      this.#working = null;
      if (this.#woken) this.wake();
    });
  }

  /** Folds what is there, saves, ends. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#look = true;
    this.wake();
    await this.#working;
    this.#save();
    this.#lanes.close();
    this.#control.close();
    this.#reader.close();
    this.#state.close();
  }

  async #work(): Promise<void> {
    while (this.#woken) {
      this.#woken = false;
      await this.#takeSnapshot();
      await this.#carryOut(this.#due.splice(0));
      await this.#takeRestores();
      const rung = this.#lanes.rung();
      const { events, everywhere } = this.#read(rung);
      await this.#catchUp(events);
      const commands = events.length > 0 ? this.#fold(events) : [];
      // More may have been written than one batch takes.
      if (events.length > 0) this.#woken = true;
      await this.#lanes.serve(this.#learning.updates());
      await this.#carryOut(commands);
      const told = this.#told.after(this.#joined, events.some(isByKey), everywhere);
      if (told) this.#lanes.folded((incarnation) => told[incarnation] ?? { segment: 0, offset: 0 }, rung);
      if (this.#told.isPending) {
        this.#look = true;
        this.#woken = true;
      }
      if (performance.now() - this.#savedAt > saveMs) this.#save();
      else if (this.#unsaved) this.#saveLater();
    }
  }

  /** Resolves when the verdicts among them are in force. */
  async #carryOut(commands: Command[]): Promise<void> {
    const deciding = commands.filter(decides).map((command) => this.#control.carryOut(command));
    for (const command of commands) if (!decides(command)) void this.#control.carryOut(command);
    await Promise.all(deciding);
  }

  #stands(command: Command): boolean {
    if (!decides(command) || this.#advancing.stands(command)) return true;
    const { id, model, rollout } = command;
    const withdrawn: Command = { id: `${id}/withdrawn/${Date.now()}`, kind: 'withdrawn', model, rollout };
    this.#state.keepCommand(withdrawn);
    void this.#control.carryOut(withdrawn);
    return false;
  }

  /** A lane may serve a snapshot, and its answers be read, before control's word of it is: then it is on disk. */
  async #catchUp(events: ReadEvent[]): Promise<void> {
    const known = this.#next ?? this.#snapshot;
    const newest = events.reduce(
      (most, { event }) => (event.type === 'prediction' ? Math.max(most, event.snapshot) : most),
      0,
    );
    if (newest <= (known?.number ?? 0)) return;
    this.#next = readSnapshot(this.#options.layout.snapshot) ?? this.#next;
    await this.#takeSnapshot();
  }

  /**
   * The lanes that rang are read first and without a look through the folder: that is the short way of a label.
   * `everywhere`: nothing is left of what there was.
   */
  #read(rung: number[]): { events: ReadEvent[]; everywhere: boolean } {
    if (!this.#look && rung.length === 1) {
      const events = this.#reader.readOne(rung[0]!, batchBytes);
      if (events.length > 0) return { events, everywhere: false };
    }
    this.#look = false;
    const events = this.#reader.read(batchBytes);
    return { events, everywhere: !this.#reader.hasMore };
  }

  /** One batch in one transaction. Returns the commands that came of it. */
  #fold(events: ReadEvent[]): Command[] {
    const topics = new Set<string>();
    const commands = this.#state.transaction(() => this.#foldAll(events, topics));
    this.#unsaved = true;
    this.#control.changed(topics);
    return commands;
  }

  #foldAll(events: ReadEvent[], topics: Set<string>): Command[] {
    const commands: Command[] = [];
    const live = new Map<string, PredictionEvent[]>();
    for (const { event, incarnation, position } of events) {
      const known = this.#joined[incarnation];
      const isJoined = known !== undefined && !isAfter(position, known);
      if (event.type === 'prediction') {
        for (const finding of this.#watching.fold(event)) commands.push(this.#find(finding));
        if (isJoined) continue;
        if (event.role === 'live') {
          const those = live.get(event.model);
          if (those) those.push(event);
          else live.set(event.model, [event]);
        }
        const late = this.#join.prediction(event);
        if (late.labels + late.invalid > 0) this.#state.countLabels(event.model, late.labels, late.invalid);
        topics.add(`models/${event.model}`);
      } else {
        // What is joined is only read again for the monitors: the join's cursor never goes back.
        if (isJoined) continue;
        const { model, invalid } = this.#join.label(event);
        if (model !== null) {
          this.#state.countLabels(model, 1, invalid ? 1 : 0);
          topics.add(`models/${model}`);
        }
      }
      this.#joined[incarnation] = position;
    }
    for (const [model, events] of live) this.#state.countPredictions(model, events);
    const outcomes = this.#join.take();
    commands.push(...this.#learning.learn(outcomes));
    commands.push(...this.#advancing.advance(outcomes, this.#join.withdrawn));
    this.#join.withdrawn = false;
    for (const command of commands) this.#state.keepCommand(command);
    this.#state.saveCursor('watch', this.#joined);
    return commands;
  }

  #find(finding: Finding): Command {
    this.#state.saveFinding(finding);
    const state = finding.cleared === null ? finding.level : 'cleared';
    return { id: `finding/${finding.id}/${finding.since}/${state}`, kind: 'finding', finding };
  }

  async #takeSnapshot(): Promise<void> {
    const snapshot = this.#next;
    this.#next = null;
    if (!snapshot || snapshot.number <= (this.#snapshot?.number ?? 0)) return;
    this.#signatures.take(snapshot);
    await this.#learning.take(snapshot);
    this.#snapshot = snapshot;
    this.#watching.take(snapshot);
    this.#advancing.take(snapshot);
    this.#due.push(...this.#advancing.due());
    this.#unsaved = true;
  }

  async #takeRestores(): Promise<void> {
    for (const { id, model, version, update, state } of this.#restores.splice(0)) {
      const restored = this.#state.transaction((): Command | null => {
        const newest = this.#learning.restore(model, version, update, state);
        if (newest === null) return null;
        const at = Date.now();
        const command = { id, kind: 'restored', model, version, from: update, update: newest, at } as const;
        this.#state.keepCommand(command);
        return command;
      });
      if (restored === null) continue;
      await this.#lanes.serve(this.#learning.updates());
      await this.#control.carryOut(restored);
    }
  }

  /** Folds whose state lags behind the join, with the cursor that goes with it, in one transaction. */
  #save(): void {
    if (!this.#unsaved) return;
    this.#unsaved = false;
    this.#savedAt = performance.now();
    this.#state.transaction(() => {
      this.#watching.save();
      this.#learning.save();
      this.#advancing.save();
      this.#state.saveCursor('monitors', this.#reader.cursor());
    });
  }

  #saveTimer: NodeJS.Timeout | null = null;
  #saveLater(): void {
    this.#saveTimer ??= setTimeout(() => {
      this.#saveTimer = null;
      if (this.#working) this.#saveLater();
      else this.#save();
      this.#control.changed(Object.keys(this.#snapshot?.models ?? {}).map((model) => `models/${model}`));
    }, saveMs);
    this.#saveTimer.unref();
  }

  #retain(): void {
    const { layout, retentionMs, retentionBytes, waitingMs } = this.#options;
    const policy = { maxAgeMs: retentionMs, maxBytes: retentionBytes };
    const kept: Retained = retain(layout.journal, policy, [this.#joined, this.#reader.cursor()], Date.now());
    if (kept.deleted.length > 0) this.#oldest = kept.oldest;
    const view: Retained = { ...kept, oldest: this.#oldest };
    this.#state.saveView('journal', view);
    const before = new IdSource(0, 0, () => 0).next(Date.now() - waitingMs);
    this.#state.transaction(() => {
      for (const [model, expired] of this.#join.expire(before)) this.#state.countExpired(model, expired);
    });
  }

  #baseline(model: string, version: number): Baseline | null {
    const digest = versionIn(this.#snapshot, model, version)?.baseline;
    if (!digest) return null;
    return JSON.parse(readFileSync(join(this.#options.layout.blobs, digest), 'utf8')) as Baseline;
  }
}

/** Whether what follows must wait until control has carried it out. */
function decides(command: Command): command is Verdict {
  return command.kind === 'promote' || command.kind === 'roll back';
}

function isByKey({ event }: ReadEvent): boolean {
  return event.type === 'label' && event.prediction === null;
}

import { SlipwayError } from '../errors.ts';
import type { Layout } from '../layout.ts';
import type { Update } from '../messages.ts';
import { type ServedModel, type ServedVersion, type Snapshot, servingIn, versionIn } from '../snapshot.ts';
import { type Arm, applyUpdate, armBytes, attachArm, type Outside, serveAs } from './arm.ts';
import { Attachments } from './attachments.ts';
import { newSeat, type Seat } from './seat.ts';

/** One model of the current snapshot. */
export interface ServedHere {
  manifest: ServedModel;
  live: Seat;
  shadows: Seat[];
  seats: Map<number, Seat>;
}

/** Requests that may wait for versions to be attached, and for how long, ms. */
const mostWaiting = 1000;
const patienceMs = 10_000;
/** A lane that starts waits so long for what it serves to be attached; the rest comes while it answers, ms. */
const startMs = 1000;

/**
 * The snapshot that this process serves. What a new one changes is attached and warmed beside what is there, and made
 * current in one assignment; what both share is kept. What is not used for long may be detached in favour of others,
 * and is attached again when it is asked for.
 */
export class Served {
  readonly #attachments: Attachments;
  readonly #updates = new Map<string, Update>();
  #models = new Map<string, ServedHere>();
  #snapshot: Snapshot | null = null;
  #waiting = 0;

  /** `budget`: for attached models, bytes. */
  constructor(places: Layout, secret: string, budget: number, outside: Outside) {
    this.#attachments = new Attachments(
      {
        bytesOf: ({ version }) => armBytes(version, places.blobs),
        attach: async ({ served, version }) => {
          const arm = await attachArm(served, version, places, secret, outside);
          const newest = this.#updates.get(`${served.name}/${version.version}`);
          if (newest) applyUpdate(arm, newest);
          return arm;
        },
      },
      budget,
    );
  }

  get number(): number {
    return this.#snapshot?.number ?? 0;
  }

  get counts(): Attachments['counts'] {
    return this.#attachments.counts;
  }

  /** Model names, sorted. */
  names(): string[] {
    return [...this.#models.keys()].sort();
  }

  model(name: string): ServedHere | undefined {
    return this.#models.get(name);
  }

  /**
   * `version` null: the live one. Throws MODEL_NOT_FOUND, MODEL_UNLOADED, NO_LIVE_VERSION or VERSION_NOT_FOUND, as do
   * those below.
   */
  version(name: string, version: number | null): ServedVersion {
    return this.#seat(name, version).version;
  }

  /** The arm that answers; null: `attach` has to be waited for. */
  route(name: string, version: number | null): Arm | null {
    return this.#attachments.use(this.#seat(name, version));
  }

  /** Why a request would not be answered; null: it would, at once or when the version is attached again. */
  failure(name: string, version: number | null): SlipwayError | null {
    return this.#seat(name, version).failed?.error ?? null;
  }

  /** Resolves when a version that is not attached is. Throws MODEL_LOADING where that takes too long, ATTACH_FAILED. */
  async attach(name: string, version: number | null): Promise<void> {
    const seat = this.#seat(name, version);
    if (this.#waiting >= mostWaiting) throw loading(seat, 'too many requests wait for models already');
    this.#waiting++;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const tell = (): void => reject(loading(seat, `it is not attached after ${patienceMs / 1000} s`));
      timer = setTimeout(tell, patienceMs);
    });
    try {
      await Promise.race([this.#attachments.attach(seat), late]);
    } finally {
      clearTimeout(timer);
      this.#waiting--;
    }
    const here = this.#models.get(name);
    // Nobody waits for shadows.
    if (here?.live === seat)
      for (const shadow of here.shadows) this.#attachments.attach(shadow).catch(() => {});
  }

  /**
   * Attaches and warms what is new, and makes it current. Throws ATTACH_FAILED without a trace when that cannot be.
   * The first snapshot is current at once: what cannot be attached of it is not ready, and all else is served.
   */
  async take(snapshot: Snapshot): Promise<void> {
    if (snapshot.number <= this.number) return;
    const models = new Map<string, ServedHere>();
    const fresh: Seat[] = [];
    const wanted: Seat[] = [];
    for (const [name, manifest] of Object.entries(snapshot.models)) {
      const before = this.#models.get(name);
      if (before?.manifest === manifest) models.set(name, before);
      else if (!manifest.unloaded && manifest.live !== null) {
        const here = arrange(snapshot, manifest, manifest.live, before);
        models.set(name, here);
        const known = new Set(before?.seats.values());
        const ready = new Set(before && crew(before));
        const seats = [...here.seats.values()];
        fresh.push(...seats.filter((seat) => !known.has(seat)));
        wanted.push(
          ...seats.filter((seat) => !known.has(seat)),
          ...crew(here).filter((seat) => !ready.has(seat)),
        );
      }
    }
    const isFirst = this.#snapshot === null;
    try {
      if (!isFirst) for (const seat of wanted) await this.#attachments.attach(seat);
    } catch (error) {
      for (const seat of fresh) this.#attachments.drop(seat);
      throw error;
    }
    this.#makeCurrent(snapshot, models);
    if (isFirst) await Promise.race([this.#fill(), new Promise((resolve) => setTimeout(resolve, startMs))]);
  }

  /** Serves a learner's newer state at once; kept for when its version is attached. */
  update(update: Update): void {
    this.#updates.set(`${update.model}/${update.version}`, update);
    const arm = this.#models.get(update.model)?.seats.get(update.version)?.arm;
    if (arm) applyUpdate(arm, update);
  }

  #seat(name: string, version: number | null): Seat {
    const here = this.#models.get(name);
    if (!here) {
      const models = this.#snapshot?.models ?? {};
      if (!Object.hasOwn(models, name))
        throw new SlipwayError('MODEL_NOT_FOUND', `There is no model "${name}".`);
      if (models[name]!.unloaded) throw new SlipwayError('MODEL_UNLOADED', `Model "${name}" is unloaded.`);
      throw new SlipwayError('NO_LIVE_VERSION', `No version of "${name}" is live.`);
    }
    if (version === null) return here.live;
    const seat = here.seats.get(version);
    if (!seat) throw new SlipwayError('VERSION_NOT_FOUND', `Version ${version} of "${name}" is not served.`);
    return seat;
  }

  #makeCurrent(snapshot: Snapshot, models: Map<string, ServedHere>): void {
    const [before, was] = [this.#models, this.#snapshot];
    this.#models = models;
    this.#snapshot = snapshot;
    for (const [name, here] of models) if (before.get(name) !== here) settle(here);
    for (const [name, { seats }] of before) {
      const kept = models.get(name)?.seats;
      for (const [version, seat] of seats) if (kept?.get(version) !== seat) this.#attachments.drop(seat);
    }
    // Of versions that are served no more; an unloaded model's learners go on, and it may be loaded again.
    for (const [key, { model, version }] of this.#updates)
      if (versionIn(was, model, version) && !versionIn(snapshot, model, version)) this.#updates.delete(key);
  }

  /** Attaches what there is room for: what answers first, then what should be ready to. */
  async #fill(): Promise<void> {
    const all = [...this.#models.values()];
    const seats = new Set([...all.flatMap(crew), ...all.flatMap((here) => [...here.seats.values()])]);
    for (const seat of seats) await this.#attachments.attach(seat, true).catch(() => {});
  }
}

/** A model's seats by a new manifest: those that are there already stay where nothing that they were made from has changed. */
function arrange(
  { number }: Snapshot,
  manifest: ServedModel,
  answers: number,
  before: ServedHere | undefined,
): ServedHere {
  const seats = new Map<number, Seat>();
  for (const version of Object.values(manifest.versions)) {
    const known = before?.seats.get(version.version);
    const stays = known && sameMade(before!.manifest, manifest, version.version);
    seats.set(version.version, stays ? known : newSeat(manifest, version));
  }
  const live = seats.get(answers);
  if (!live)
    throw new SlipwayError('INTERNAL', `Snapshot ${number} has no live version of "${manifest.name}".`);
  const shadows = manifest.shadows.flatMap((version) => seats.get(version) ?? []);
  return { manifest, live, shadows, seats };
}

/** How its versions are served may have changed, where what they were made from has not. */
function settle({ manifest, live, shadows, seats }: ServedHere): void {
  for (const [version, seat] of seats) {
    seat.served = manifest;
    seat.version = manifest.versions[version]!;
    seat.leader = shadows.includes(seat) ? live : null;
    if (seat.arm) serveAs(seat.arm, servingIn(seat.version));
  }
}

/** What answers a model's requests, and their shadows. */
function crew({ live, shadows }: ServedHere): Seat[] {
  return [live, ...shadows];
}

function sameMade(before: ServedModel, after: ServedModel, version: number): boolean {
  const was = before.versions[version];
  const is = after.versions[version];
  return (
    was?.program === is?.program &&
    was?.placement === is?.placement &&
    JSON.stringify(was?.policy) === JSON.stringify(is?.policy) &&
    JSON.stringify(before.privacy) === JSON.stringify(after.privacy)
  );
}

function loading({ served, version }: Seat, why: string): SlipwayError {
  return new SlipwayError(
    'MODEL_LOADING',
    `Version ${version.version} of "${served.name}" is not attached in this lane, and ${why}.`,
  );
}

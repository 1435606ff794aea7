import { type ChildProcess, fork } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase } from '../../src/db/open.ts';
import { writeSnapshot } from '../../src/db/snapshot-file.ts';
import { isAfter, type JournalEvent, type Position, type PredictionEvent } from '../../src/events.ts';
import { Appender } from '../../src/journal/appender.ts';
import { IdSource, idText } from '../../src/journal/id.ts';
import { layout } from '../../src/layout.ts';
import { keepConnected, type Link, listen } from '../../src/link/link.ts';
import type { ControlToLoops, LaneToLoops, LoopsToControl, LoopsToLane } from '../../src/messages.ts';
import { kindNamed } from '../../src/models/kinds.ts';
import { profile } from '../../src/monitors/profile.ts';
import { type Assignment, defaultConfig } from '../../src/processes/config.ts';
import { Blobs } from '../../src/registry/blobs.ts';
import type { Signature } from '../../src/signature.ts';
import type { ServedModel, ServedVersion, Snapshot } from '../../src/snapshot.ts';
import { newFrame } from '../../src/tensor.ts';
import { inRepository, until } from '../processes/harness.ts';
import { seeded } from '../stats/seeded.ts';

/**
 * The loops' own process, killed at any moment while lanes write: what it comes to is what it would have come
 * to without. Model "learns" is predicted and labelled on lane 1 alone, since what a learner comes to depends on
 * the order of its labels; "fixed" is predicted on lane 2 and labelled on both.
 */
const kills = 15;
const rounds = 900;
const columns = ['period', 'nswprice', 'nswdemand', 'vicprice', 'vicdemand', 'transfer'];
/** Wall time of ids and segments, ms: nothing is past retention, whenever this runs. */
const wall = 4e12;
const random = seeded(20);
const whole = (below: number) => Math.floor(random() * below);
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-loops-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const rows = readFileSync(inRepository('examples/electricity/elec.csv'), 'utf8')
  .split('\n')
  .slice(1, 2001)
  .map((line) => line.split(',').map(Number));

/** A data folder as control leaves it: programs and a baseline by their digests, and the snapshot. */
async function prepareFolder(data: string): Promise<void> {
  mkdirSync(data, { recursive: true });
  const places = layout(data);
  mkdirSync(places.journal, { recursive: true });
  const blobs = new Blobs(places.blobs);
  const path = inRepository('examples/electricity/learner.json');
  const training = newFrame(400, columns.length);
  for (let row = 0; row < 400; row++)
    training.values.set(rows[row]!.slice(0, columns.length), row * columns.length);
  const learner = await kindNamed('logistic').prepare(
    { main: 'learner.json', path },
    {
      training: {
        frame: training,
        targets: Float64Array.from(rows.slice(0, 400), (row) => row[6]!),
        features: columns,
        classes: [0, 1],
      },
    },
  );
  const { digest: program } = await blobs.put(learner.program);
  const baseline = profile(learner.signature.features, training);
  const { digest: profiled } = await blobs.put(Buffer.from(JSON.stringify(baseline)));
  const version = (number: number, kind: string, more: Partial<ServedVersion> = {}): ServedVersion => ({
    version: number,
    kind,
    program,
    signature: learner.signature satisfies Signature,
    policy: { missing: 'reject', unknown: 'reject', extra: 'reject' },
    impute: [],
    baseline: null,
    microseconds: 1,
    checkpoint: null,
    ...more,
  });
  const model = (name: string, versions: ServedVersion[], more: Partial<ServedModel> = {}): ServedModel => ({
    name,
    live: 1,
    shadows: [],
    rollout: null,
    unloaded: false,
    failedWrite: 'refuse',
    privacy: { hash: [], drop: [] },
    versions: Object.fromEntries(versions.map((one) => [one.version, one])),
    ...more,
  });
  const snapshot: Snapshot = {
    number: 1,
    at: 0,
    models: {
      // The loops run the programs of learners only: a fixed version is its signature to them.
      learns: model('learns', [version(1, 'lightgbm'), version(2, 'logistic')], {
        shadows: [2],
        rollout: {
          id: 'r',
          phase: 'compare',
          live: 1,
          candidate: 2,
          alpha: 0.05,
          leastPairs: 50,
          margin: 0,
          held: false,
        },
      }),
      fixed: model('fixed', [version(1, 'lightgbm', { baseline: profiled })]),
    },
  };
  writeSnapshot(places.snapshot, snapshot);
}

/** What is written, in order: events with their lane. */
function story(): { lane: number; event: JournalEvent }[] {
  const written: { lane: number; event: JournalEvent }[] = [];
  const ids = [1, 2].map((incarnation) => new IdSource(incarnation, wall, random));
  const labelId = (lane: number) => ids[lane]!.next(wall + round * 1000);
  let round = 0;
  const made: { learns: PredictionEvent[]; fixed: PredictionEvent[] } = { learns: [], fixed: [] };
  const label = (lane: number, of: PredictionEvent, value: string | number, named: boolean) => {
    const byKey = named && of.key !== null;
    written.push({
      lane,
      event: {
        type: 'label',
        id: labelId(lane),
        model: byKey || random() < 0.5 ? of.model : null,
        prediction: byKey ? null : { id: of.id, row: whole(of.rows) },
        key: byKey ? of.key : null,
        label: value,
        at: of.at + whole(5000),
      },
    });
  };
  for (; round < rounds; round++) {
    for (const model of ['learns', 'fixed'] as const) {
      const lane = model === 'learns' ? 0 : 1;
      const count = random() < 0.2 ? 3 : 1;
      const values = new Float64Array(count * columns.length);
      const answers = new Float64Array(count);
      const truths: number[] = [];
      for (let row = 0; row < count; row++) {
        const given = rows[400 + whole(1600)]!;
        for (let i = 0; i < columns.length; i++) {
          const far = model === 'fixed' && round > rounds / 2 && i === 1 ? 50 : 0;
          values[i * count + row] = given[i]! + far;
        }
        answers[row] = random();
        truths.push(given[6]!);
      }
      const at = 1e12 + round * 30_000 + whole(60_000);
      const live: PredictionEvent = {
        type: 'prediction',
        id: ids[lane]!.next(wall + round * 1000),
        model,
        version: 1,
        update: 0,
        snapshot: 1,
        role: 'live',
        propensity: 1,
        rollout: model === 'learns' ? 'r' : null,
        subject: null,
        key: random() < 0.4 ? `k${whole(60)}` : null,
        trace: null,
        at,
        latency: 1,
        rows: count,
        features: columns,
        values,
        texts: [],
        failure: null,
        answerTexts: [],
        answers,
        imputed: 0,
      };
      // Some labels come before what they are of.
      if (random() < 0.1) label(0, live, truths[0]!, false);
      written.push({ lane, event: live });
      if (model === 'learns') {
        written.push({
          lane,
          event: {
            ...live,
            version: 2,
            role: 'shadow',
            update: round,
            features: [],
            values: new Float64Array(0),
            answers: answers.map((p) => (p + random()) / 2),
          },
        });
      }
      made[model].push(live);
      const past = made[model][whole(made[model].length)]!;
      const labelLane = model === 'learns' ? 0 : whole(2);
      if (random() < 0.8) label(labelLane, live, truths[0]!, false);
      if (random() < 0.2) label(labelLane, past, whole(2), true);
      if (random() < 0.02) label(labelLane, past, 'neither', false);
      // Redelivered.
      if (random() < 0.05) written.push({ lane: labelLane, event: lastLabelOf(written, labelLane) });
    }
  }
  return written;
}

function lastLabelOf(written: { lane: number; event: JournalEvent }[], lane: number): JournalEvent {
  return written.findLast((one) => one.lane === lane && one.event.type === 'label')!.event;
}

/** Control and two lanes as the loops see them, and the loops' process itself. */
class Around {
  readonly #data: string;
  readonly #places: ReturnType<typeof layout>;
  readonly #ends: (() => void)[] = [];
  readonly #links: (Link<LoopsToLane, LaneToLoops> | null)[] = [null, null];
  readonly folded: Position[] = [
    { segment: 0, offset: 0 },
    { segment: 0, offset: 0 },
  ];
  readonly updates: number[] = [];
  readonly commands = new Set<string>();
  #child: ChildProcess | null = null;

  private constructor(data: string) {
    this.#data = data;
    this.#places = layout(data);
  }

  static async open(data: string): Promise<Around> {
    const around = new Around(data);
    await around.#open();
    return around;
  }

  async #open(): Promise<void> {
    const { controlSocket, loopsSocket } = this.#places;
    const server = await listen<LoopsToControl, ControlToLoops>(controlSocket, (link) => {
      this.#ends.push(() => link.close());
      link.onMessage = (message) => {
        if (message.type !== 'command') return;
        this.commands.add(message.command.id);
        link.send({ type: 'done', id: message.command.id, error: null });
      };
    });
    this.#ends.push(() => server.close());
    for (const lane of [0, 1]) {
      this.#ends.push(
        keepConnected<LoopsToLane, LaneToLoops>(
          loopsSocket,
          (link) => {
            this.#links[lane] = link;
            link.onMessage = (message) => {
              if (message.type === 'folded') {
                if (isAfter(message.position, this.folded[lane]!)) this.folded[lane] = message.position;
                return;
              }
              const { model, version, update } = message.update;
              this.updates.push(update);
              link.send({ type: 'serving', model, version, update });
            };
            link.send({ type: 'hello', lane, incarnation: lane + 1 });
          },
          () => {
            this.#links[lane] = null;
          },
        ),
      );
    }
  }

  ring(lane: number, position: Position): void {
    this.#links[lane]?.send({ type: 'ring', position });
  }

  /** Starts the loops; resolves when they are ready. */
  start(): Promise<void> {
    const assignment: Assignment = {
      name: 'loops',
      config: { ...defaultConfig, data: this.#data, checkpointLabels: 100, logLevel: 'error' },
      lane: 0,
      incarnation: 0,
      dataPlane: '',
      grpc: '',
      control: '',
    };
    const child = fork(new URL('../../src/processes/loops.ts', import.meta.url), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, SLIPWAY_PROCESS: JSON.stringify(assignment) },
      execArgv: [],
    });
    this.#child = child;
    return new Promise((resolve, reject) => {
      child.on('message', (message: { type: string }) => {
        if (message.type === 'ready') resolve();
      });
      child.once('exit', (code, signal) => reject(new Error(`The loops ended: ${code} ${signal}.`)));
    });
  }

  kill(): Promise<void> {
    return this.#end((child) => child.kill('SIGKILL'));
  }

  stop(): Promise<void> {
    return this.#end((child) => child.send({ type: 'stop' }));
  }

  #end(how: (child: ChildProcess) => void): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child) return Promise.resolve();
    return new Promise((resolve) => {
      child.once('exit', () => resolve());
      how(child);
    });
  }

  async close(): Promise<void> {
    await this.kill();
    for (const end of this.#ends) end();
  }
}

/** What counts in state.db, free of the order in which lanes were read. */
function conclusion(data: string): Record<string, unknown[]> {
  const database = openDatabase(layout(data).state, { readOnly: true });
  const all = (text: string) =>
    database
      .prepare(text)
      .all()
      .map((row) =>
        Object.fromEntries(
          Object.entries(row).map(([name, value]) => [
            name,
            value instanceof Uint8Array
              ? value.length === 16
                ? idText(value)
                : Buffer.from(value).toString('hex')
              : value,
          ]),
        ),
      );
  const said = {
    counts: all('SELECT * FROM counts ORDER BY model'),
    names: all('SELECT * FROM names ORDER BY model, kind, name, at, id'),
    labels: all('SELECT * FROM labels ORDER BY label_id'),
    outcomes: all(
      `SELECT model, id, row, version, role, live_version, rollout, upd, at, truth, answer, correct, log_loss
       FROM outcomes WHERE superseded = 0 ORDER BY model, id, row, version`,
    ),
    learned: all(
      "SELECT id, row, truth, features FROM outcomes WHERE model = 'learns' AND role = 'live' AND first = 1 ORDER BY seq",
    ),
    scores: all('SELECT model, whose, hour, n, correct, classified FROM scores ORDER BY model, whose, hour'),
    learners: all('SELECT model, version, upd, refused, state FROM learners ORDER BY model, version'),
    updates: all('SELECT model, version, upd, restored_from FROM updates ORDER BY model, version, upd'),
    findings: all('SELECT * FROM findings ORDER BY id'),
    folds: all("SELECT * FROM folds WHERE name <> 'journal' ORDER BY name"),
  };
  database.close();
  return said;
}

test(`${kills} SIGKILLs of the loops leave no trace in what they come to`, async () => {
  const data = join(folder, 'killed');
  await prepareFolder(data);
  const events = story();
  const appenders = [1, 2].map(
    (incarnation) =>
      new Appender({
        folder: layout(data).journal,
        incarnation,
        maxSegmentBytes: 100_000,
        maxSegmentAgeMs: 1e12,
        syncPeriodMs: 1e6,
        now: () => wall,
      }),
  );
  const around = await Around.open(data);
  const ends: Position[] = [];
  let written = 0;
  const write = (upTo: number): void => {
    for (; written < events.length; written++) {
      const { lane, event } = events[written]!;
      // Shadows follow their live record into the same segment.
      if (written >= upTo && !(event.type === 'prediction' && event.role === 'shadow')) break;
      if (event.type === 'label') appenders[lane]!.label(event);
      else appenders[lane]!.prediction(event);
    }
    for (const [lane, appender] of appenders.entries()) {
      ends[lane] = appender.commit();
      around.ring(lane, ends[lane]);
    }
  };
  try {
    const share = events.length / (kills + 1);
    for (let kill = 0; kill < kills; kill++) {
      const started = around.start();
      // Some do not even come up.
      if (random() < 0.2) {
        started.catch(() => {});
        await pause(random() * 300);
      } else {
        await started;
        const steps = 1 + whole(12);
        for (let step = 1; step <= steps; step++) {
          write(Math.floor(share * (kill + step / steps)));
          await pause(random() * (kill % 4 === 0 ? 60 : 12));
        }
      }
      await around.kill();
    }
    await around.start();
    write(events.length);
    await until(() => {
      for (const [lane, end] of ends.entries()) around.ring(lane, end);
      return ends.every((end, lane) => !isAfter(end, around.folded[lane]!));
    }, 'the loops to fold everything');
    await around.stop();
  } finally {
    await around.close();
    for (const appender of appenders) appender.close();
  }

  const other = join(folder, 'unkilled');
  await prepareFolder(other);
  cpSync(layout(data).journal, layout(other).journal, { recursive: true });
  const calm = await Around.open(other);
  try {
    await calm.start();
    await until(() => {
      for (const [lane, end] of ends.entries()) calm.ring(lane, end);
      return ends.every((end, lane) => !isAfter(end, calm.folded[lane]!));
    }, 'the loops to fold everything at once');
    await calm.stop();
  } finally {
    await calm.close();
  }

  const [got, wanted] = [conclusion(data), conclusion(other)];
  for (const name of Object.keys(wanted)) expect(got[name], name).toEqual(wanted[name]);
  // There was something to compare.
  const predicted = events.filter(({ event }) => event.type === 'prediction' && event.role === 'live');
  expect(wanted.counts!.map((row) => (row as { predictions: number }).predictions)).toEqual(
    ['fixed', 'learns'].map((model) =>
      predicted
        .map(({ event }) => event as PredictionEvent)
        .filter((event) => event.model === model)
        .reduce((sum, event) => sum + event.rows, 0),
    ),
  );
  expect(wanted.learners).toHaveLength(1);
  expect((wanted.learners![0] as { upd: number }).upd).toBeGreaterThan(500);
  expect(wanted.findings!.length).toBeGreaterThan(0);
  // Every verdict and finding of the calm run was sent in the other one, too.
  for (const id of calm.commands) if (!id.startsWith('checkpoint')) expect(around.commands).toContain(id);
});

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

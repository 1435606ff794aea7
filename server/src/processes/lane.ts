import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { readSnapshot } from '../db/snapshot-file.ts';
import { grpcServer } from '../grpc/server.ts';
import { dataServer } from '../http/data/server.ts';
import { unread } from '../http/data/shared-read.ts';
import { Keys } from '../http/keys.ts';
import { readTls } from '../http/tls.ts';
import { Appender } from '../journal/appender.ts';
import { Finder } from '../journal/find.ts';
import { IdSource } from '../journal/id.ts';
import { Admission } from '../lane/admission.ts';
import { BodyBounds } from '../lane/body-bounds.ts';
import { Catalog } from '../lane/catalog.ts';
import { ControlLine } from '../lane/control-line.ts';
import { DataPlane } from '../lane/data-plane.ts';
import { LoopsLine } from '../lane/loops-line.ts';
import { Meter } from '../lane/meter.ts';
import { Served } from '../lane/served.ts';
import { SideThread } from '../lane/side-thread.ts';
import { TurnClock } from '../lane/turn-times.ts';
import { layout } from '../layout.ts';
import { listenOn } from '../listening.ts';
import { kindNamed } from '../models/kinds.ts';
import { allowPython } from '../models/python/settings.ts';
import { productVersion } from '../product.ts';
import type { Snapshot } from '../snapshot.ts';
import { superviseMe } from './child.ts';
import { laneDescriptors, modelBytesOf, readAssignment } from './config.ts';
import { logger } from './logger.ts';
import { Reporter } from './reporter.ts';
import { startTracer } from './tracing.ts';

/** How long a starting lane waits for the learners' newest updates before it serves their last checkpoints, ms. */
const patienceMs = 3000;
/** How long a starting lane waits for control's word that what it has is the newest, ms. */
const askMs = 1000;
/** A lane that stops goes on accepting for so long, ms. */
const settleMs = 200;
/** And so long at most until nothing comes any more, ms. */
const quietMs = 2000;
/** How often a lane that stops looks whether its requests are done, ms. */
const drainMs = 20;
/** What spans are left when a lane stops may take so long to leave, ms. */
const spansMs = 2000;

/** The objects that JSON makes take up to so many times its bytes (measured: 21 for `{},{},…`). */
const jsonShare = 32;
/** How long one body may be read while others of many bytes wait: 60 MB of sound rows take a second, ms. */
const longestReadMs = 5000;

/** A lane: the data plane in one process. Its parts are put together here, in the order in which they need each other. */
const { name, config, lane, incarnation, control } = readAssignment();
const places = layout(config.data);
// It runs none, but says so where they are not allowed.
allowPython(config.python && { ...config.python, folder: places.python });
const me = superviseMe(
  () => {},
  () => stop(),
);

const log = logger(name, config.logLevel);
const reporter = new Reporter(log, (message) => me.send(message));
const served = new Served(places, readFileSync(places.secret, 'utf8'), modelBytesOf(config), {
  hear: reporter.listen.bind(reporter),
  ask: (model, version) => void me.send({ type: 'asked', model, version }),
});
const appender = new Appender({
  folder: places.journal,
  incarnation,
  maxSegmentBytes: config.segmentBytes,
  maxSegmentAgeMs: config.segmentMs,
  syncPeriodMs: config.syncMs,
  now: Date.now,
});
const loops = new LoopsLine(places.loopsSocket, lane, incarnation, served);
const meter = new Meter();
const side = new SideThread(
  new URL(`./lane-thread${extname(import.meta.url)}`, import.meta.url),
  (config.bodyLimit * jsonShare) / 2 ** 20,
  longestReadMs,
);
const plane = new DataPlane({
  served,
  side,
  appender,
  ids: new IdSource(incarnation, Date.now(), Math.random),
  meter,
  admission: new Admission(config.maxWaitMs, laneDescriptors.http.length, unread),
  now: Date.now,
  onWritten: (position) => loops.written(position),
});

const turns = new TurnClock();
let ready = false;
const starting = startTracer(config, name, log);
const synced = loops.synced(patienceMs);
const snapshot = readSnapshot(places.snapshot);
if (snapshot) await served.take(snapshot);
// Nobody else has newer states than the snapshot names.
if (snapshot && hasLearners(snapshot)) await synced;
const tracer = await starting;
const controlLine = new ControlLine(
  places.controlSocket,
  { role: 'lane', lane, incarnation },
  served,
  snapshot,
  () =>
    meter.read(
      lane,
      incarnation,
      appender.writtenBytes,
      plane.admission.read(),
      served.counts,
      turns.read(performance.now()),
      tracer?.counts ?? null,
    ),
);

// What was promoted while this lane was starting is in force: it does not answer with anything older.
await controlLine.greeted(askMs);

const keys = new Keys(config.keyFile, config.adminKeyFile);
const shared = {
  plane,
  catalog: new Catalog(served, controlLine, productVersion),
  tracer,
  tls: readTls(config.tls),
  bodies: new BodyBounds(config.bodyLimit),
  ready: () => ready,
};
const server = dataServer({
  ...shared,
  loops,
  finder: new Finder(places.journal),
  keys,
  console: control,
});
const grpc = grpcServer({ ...shared, actor: (authorization) => keys.actor(authorization) });
let inFlight = 0;
let stopping = false;
/** Connections and requests so far. */
let arrivals = 0;
server.on('connection', () => {
  arrivals++;
  plane.admission.connects(performance.now());
});
// First in line, before the request is answered.
server.prependListener('request', (_request, response) => {
  arrivals++;
  inFlight++;
  // A caller that is told so sends its next request to another connection, and none into one that is being closed.
  if (stopping) response.setHeader('connection', 'close');
  response.on('close', () => inFlight--);
});
const [closeDoors] = await Promise.all([
  listenOn(server, laneDescriptors.http, { allowHalfOpen: true }),
  grpc.listen(laneDescriptors.grpc),
]);
turns.start();
ready = true;
reporter.tell();
me.ready();

function hasLearners({ models }: Snapshot): boolean {
  return Object.values(models).some(({ versions }) =>
    Object.values(versions).some(({ kind }) => kindNamed(kind).learns),
  );
}

/** No accepted request is cut: what is in flight is answered, what is answered is written. */
async function stop(): Promise<void> {
  ready = false;
  stopping = true;
  // Connections that already wait in the kernel's queue are accepted and answered, too.
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  await quiet();
  closeDoors();
  server.closeIdleConnections();
  const stopped = grpc.stop();
  while (inFlight > 0) {
    await new Promise((resolve) => setTimeout(resolve, drainMs));
    server.closeIdleConnections();
  }
  await stopped;
  side.close();
  plane.flush();
  appender.close();
  await tracer?.close(spansMs);
  controlLine.close();
  loops.close();
}

/**
 * Resolves when two turns of the event loop brought nothing new, or after a bound. On a busy machine time passes
 * without this process running, and a timer is served before the connections and bytes that came meanwhile.
 */
async function quiet(): Promise<void> {
  const end = performance.now() + quietMs;
  let before = -1;
  while (arrivals !== before && performance.now() < end) {
    before = arrivals;
    for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

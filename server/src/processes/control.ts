import { findBackground } from '../background.ts';
import { Control } from '../control/control.ts';
import { Reproduction } from '../control/reproduction.ts';
import { Views } from '../control/views.ts';
import { ChangeStream } from '../http/control/events.ts';
import { controlServer } from '../http/control/server.ts';
import { Keys } from '../http/keys.ts';
import { readTls } from '../http/tls.ts';
import { Finder } from '../journal/find.ts';
import { layout } from '../layout.ts';
import { StateReader } from '../loops/reader.ts';
import { UpdateHistory } from '../loops/update-history.ts';
import type { ProcessStatus, VersionLoss } from '../messages.ts';
import { allowPython } from '../models/python/settings.ts';
import { productVersion } from '../product.ts';
import { residentBytes, treeBytes } from '../resident.ts';
import { findTie } from '../tied.ts';
import { superviseMe } from './child.ts';
import { controlDescriptor, readAssignment } from './config.ts';
import { logger } from './logger.ts';

/** Largest file that can be uploaded, bytes. */
const uploadLimit = 2 * 1024 * 1024 * 1024;

/** Control: registry, API, console. Its parts are put together here. */
const { config, dataPlane, grpc, control: address } = readAssignment();
const places = layout(config.data);
// It runs none, but orders scorers for them, and says so where they are not allowed.
allowPython(config.python && { ...config.python, folder: places.python });
// Candidates are to be started so.
void findBackground();
void findTie();
const log = logger('control', config.logLevel);

const tellProcesses: ((processes: ProcessStatus[]) => void)[] = [];
/** The number of the last one that was heard of. */
let lastLoss = 0;
const me = superviseMe(
  (message) => {
    if (message.type === 'status') {
      for (const tell of tellProcesses.splice(0)) tell(message.processes);
    } else if (message.type === 'scorers') {
      control.scorers.heard(message.scorers);
    } else if (message.type === 'losses') {
      for (const one of message.losses) if (one.number > lastLoss) count(one);
    } else if (message.type === 'reports') {
      control.troubles.heard(message.reports);
    } else if (message.type === 'replaced') {
      control.replaced(message.name, message.signal ?? `code ${message.code}`);
    }
  },
  async () => {
    changes.close();
    await app.close();
    control.close();
    state.close();
  },
);

const changes = new ChangeStream();
const control = new Control({
  layout: places,
  bounds: { milliseconds: config.candidateMs, bytes: config.candidateBytes, python: config.python },
  now: Date.now,
  onScorers: (orders, awaited) => me.send({ type: 'scorers', orders, awaited }),
  onChanged: (topics) => changes.changed(topics),
});
const state = new StateReader(places.state);
const finder = new Finder(places.journal);
const views = new Views(control.registry, state, finder);
const reproduction = new Reproduction(
  control.registry,
  control.blobs,
  finder,
  new UpdateHistory(places.state),
);
await control.open();

const app = await controlServer(
  {
    control,
    views,
    reproduction,
    changes,
    log,
    uploadLimit,
    facts: {
      version: productVersion,
      startedAt: Date.now(),
      dataFolder: places.root,
      dataPlane,
      grpc,
      control: address,
    },
    processes: async () => (await askProcesses()).map((one) => ({ ...one, megabytes: bytesOf(one) / 1e6 })),
    ready: () => control.lines.loopsConnected && control.lines.allServe(control.snapshot),
  },
  new Keys(config.keyFile, config.adminKeyFile),
  readTls(config.tls),
  () => Number(new URL(address).port),
);
app.server.listen({ fd: controlDescriptor }, () => {
  control.started();
  me.ready();
});

/** A scorer's with the processes that its version has of its own. */
function bytesOf({ name, pid }: ProcessStatus): number {
  return name.startsWith('scorer-') ? treeBytes(pid) : residentBytes(pid);
}

/** It is told again to whoever takes this process's place before it has been counted. */
function count({ number, model, version, loss }: VersionLoss): void {
  lastLoss = number;
  void control
    .lost(model, version, loss)
    .catch((error) => log.error(error))
    .then(() => me.send({ type: 'counted', number }));
}

function askProcesses(): Promise<ProcessStatus[]> {
  return new Promise((resolve) => {
    tellProcesses.push(resolve);
    me.send({ type: 'status?' });
  });
}

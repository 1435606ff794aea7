import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** Where everything lies in a data folder, and who writes it. Nobody writes another's file. */
export interface Layout {
  root: string;
  /** supervisor: a SQLite file whose exclusive lock is the folder's lock. */
  lock: string;
  /** supervisor: where the running Slipway answers, for scripts; gone when it is stopped. */
  addresses: string;
  /** supervisor: random text made once; keys the hashes of private features. */
  secret: string;
  /** lanes: one segment file after another, named by incarnation. */
  journal: string;
  /** control: programs, baselines, checkpoints, source files, named by SHA-256. */
  blobs: string;
  /** scorers, a folder each: what Python versions are unpacked to while they run. */
  python: string;
  /** control: models, versions, rollouts, timeline. */
  registry: string;
  /** loops: cursors, outcomes, folds. */
  state: string;
  /** control: the manifest that lanes serve, replaced whole. */
  snapshot: string;
  /** The loops' and control's sockets for the other processes. */
  loopsSocket: string;
  controlSocket: string;
  /** A scorer's socket for the lanes. */
  scorerSocket(model: string, version: number): string;
  /** control: how the folders of candidate processes begin, in the temporary folder. */
  candidates: string;
  /** every process: what V8 has made of Slipway's own code, so that the next one starts in a third of the time; may go at any time. */
  compiled: string;
}

/** A Unix socket's path may have 107 bytes (Linux; macOS 103): deep folders get theirs in the temporary folder. */
const socketPathLimit = 100;

export function layout(data: string): Layout {
  const root = resolve(data);
  const own = join(root, 'run');
  const sockets =
    Buffer.byteLength(join(own, socketName(root))) <= socketPathLimit
      ? own
      : join(tmpdir(), `slipway-${short(root)}`);
  return {
    root,
    lock: join(root, 'lock'),
    addresses: join(root, 'addresses.json'),
    secret: join(root, 'secret'),
    journal: join(root, 'journal'),
    blobs: join(root, 'blobs'),
    python: join(root, 'python'),
    registry: join(root, 'registry.db'),
    state: join(root, 'state.db'),
    snapshot: join(root, 'snapshot.json'),
    loopsSocket: join(sockets, 'loops.sock'),
    controlSocket: join(sockets, 'control.sock'),
    scorerSocket: (model, version) => join(sockets, socketName(`${model}/${version}`)),
    candidates: `slipway-candidate-${short(root)}-`,
    compiled: join(root, 'compiled'),
  };
}

/** The longest that there is. */
function socketName(scorer: string): string {
  return `${short(scorer)}.sock`;
}

function short(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 12);
}

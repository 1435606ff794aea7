import { rmSync, writeFileSync } from 'node:fs';
import { BoundSocket } from 'node:net';
import { extname } from 'node:path';
import { createSecureContext } from 'node:tls';
import { findBackground } from '../background.ts';
import { SlipwayError } from '../errors.ts';
import { Keys } from '../http/keys.ts';
import { readTls } from '../http/tls.ts';
import { recover } from '../journal/recover.ts';
import { layout } from '../layout.ts';
import type { ChildToSupervisor, SupervisorToChild } from '../messages.ts';
import { findTie } from '../tied.ts';
import { boundCompiled } from './compiled-cache.ts';
import { type Config, isLoopback, laneDescriptors, scorerBytesOf } from './config.ts';
import { lockFolder, nextIncarnation } from './folder-lock.ts';
import { Losses } from './losses.ts';
import { Reports } from './reports.ts';
import { Scorers } from './scorers.ts';
import { Supervised } from './supervised.ts';

/** Heartbeats are looked at this often, ms. */
const lookMs = 250;
/** Control and loops may be held up longer than a lane: no caller waits for them. */
const behindMs = 30_000;
/**
 * What a request leaves behind is dead when it is answered, so that the young generation need not grow beyond 8 MB; left
 * to V8 it stays at 1 MB for the same reason, and is collected a hundred times a second, which is what a single caller's
 * slowest requests wait for. The old one grows as V8 would have it: held to less, requests of many rows made a lane
 * collect all of its heap ten times a second.
 */
const answeringFlags = ['--min-semi-space-size=8', '--max-semi-space-size=8'];
/**
 * Whoever works beside the lanes collects garbage on its own thread: helpers of it would take all other processors at
 * once, and a system with a tick of 4 ms leaves them there until the next (docs/adr/0018-lifecycle.md).
 */
const besideFlags = ['--single-threaded-gc'];
/** Time to finish what was accepted when all is stopped, ms. */
const patienceMs = 15_000;

export interface Running {
  /** URLs, with the ports that were chosen. */
  dataPlane: string;
  /** host:port, as gRPC clients take it. */
  grpc: string;
  control: string;
  /** Stops accepting, finishes what was accepted, folds it, ends. */
  stop(): Promise<void>;
}

/**
 * The first process: holds the sockets and the data folder's lock, keeps the others running, and does
 * nothing else. Because it holds the listening sockets itself, connections wait for a lane that is being
 * replaced instead of being refused (docs/adr/0001-sockets.md).
 */
export async function startSupervisor(config: Config): Promise<Running> {
  if (!isLoopback(config.host) && config.keyFile === null) {
    throw new SlipwayError(
      'KEY_FILE_REQUIRED',
      `Slipway does not open ${config.host} to others without keys.`,
    );
  }
  // Files that cannot be used are said here, once, and not by processes that cannot start.
  new Keys(config.keyFile, config.adminKeyFile);
  checkTls(config.tls);
  void findBackground();
  void findTie();
  const places = layout(config.data);
  const release = lockFolder(places);
  boundCompiled(places.compiled);
  // No lane runs yet: whatever stands behind a last whole record was never answered.
  recover(places.journal);
  // Nor a scorer: whatever is unpacked was left by one that was killed.
  rmSync(places.python, { recursive: true, force: true });
  const bound: BoundSocket[] = [];
  try {
    for (const port of [config.port, config.grpcPort, config.controlPort])
      bound.push(bind(config.host, port));
  } catch (error) {
    for (const socket of bound) socket.close();
    release();
    throw error;
  }
  const [lanesSocket, grpcSocket, controlSocket] = bound as [BoundSocket, BoundSocket, BoundSocket];
  const scheme = config.tls ? 'https' : 'http';
  const dataPlane = `${scheme}://${address(config.host, lanesSocket)}`;
  const grpc = address(config.host, grpcSocket);
  const control = `${scheme}://${address(config.host, controlSocket)}`;

  writeFileSync(places.addresses, `${JSON.stringify({ dataPlane, grpc, control, pid: process.pid })}\n`);

  const descriptors = {
    lane: [
      ...laneDescriptors.http.map(() => lanesSocket.fd()),
      ...laneDescriptors.grpc.map(() => grpcSocket.fd()),
    ],
    control: [controlSocket.fd()],
    loops: [],
  };
  const all: Supervised[] = [];
  const moduleOf = (kind: string) => new URL(`./${kind}${extname(import.meta.url)}`, import.meta.url);
  const addresses = { dataPlane, grpc, control };
  const tellControl = (message: SupervisorToChild): void =>
    all.find((one) => one.status().name === 'control')?.send(message);
  const reports = new Reports((all) => tellControl({ type: 'reports', reports: all }));
  const losses = new Losses((all) => tellControl({ type: 'losses', losses: all }));
  const scorers = new Scorers({
    module: moduleOf('scorer'),
    assignment: (name) => ({ name, config, lane: 0, incarnation: 0, ...addresses }),
    heartbeatMs: config.heartbeatMs,
    mostBytes: scorerBytesOf(config),
    flags: answeringFlags,
    tellControl,
    reports,
    losses,
  });
  const heard = (name: string, message: ChildToSupervisor): void => {
    if (message.type === 'status?') {
      const processes = [self(), ...all.map((one) => one.status()), ...scorers.statuses()];
      tellControl({ type: 'status', processes });
    } else if (message.type === 'scorers') scorers.order(message.orders, message.awaited);
    else if (message.type === 'asked') scorers.asked(message.model, message.version);
    else if (message.type === 'reports') reports.heard(name, message.reports);
    else if (message.type === 'counted') losses.counted(message.number);
    else if (message.type === 'ready' && name === 'control') {
      reports.tell();
      losses.tell();
      // Itself it could not be told while it was gone.
      if (controlLoss) tellControl(controlLoss);
      controlLoss = null;
    }
  };
  let controlLoss: Extract<SupervisorToChild, { type: 'replaced' }> | null = null;
  const keep = (name: string, kind: 'lane' | 'loops' | 'control', lane: number): Promise<void> =>
    new Promise((ready) => {
      const isLane = kind === 'lane';
      const supervised = new Supervised({
        name,
        module: moduleOf(kind),
        assignment: () => ({
          name,
          config,
          lane,
          incarnation: isLane ? nextIncarnation(places) : 0,
          ...addresses,
        }),
        flags: isLane ? answeringFlags : besideFlags,
        descriptors: descriptors[kind],
        heartbeatMs: () => (isLane ? config.heartbeatMs : behindMs),
        givesWay: kind === 'loops',
        mayHang: false,
        calmMs: 0,
        onReady: ready,
        onMessage: (message) => heard(name, message),
        onLost: ({ wasEnding, signal, code }) => {
          if (wasEnding) return;
          const loss = { type: 'replaced', name, signal, code } as const;
          if (kind === 'control') controlLoss = loss;
          else tellControl(loss);
        },
      });
      all.push(supervised);
      supervised.start();
    });

  const startedAt = Date.now();
  const self = () => ({
    name: 'supervisor',
    pid: process.pid,
    state: 'ready' as const,
    restarts: 0,
    startedAt,
  });
  const started = [keep('control', 'control', 0), keep('loops', 'loops', 0)];
  for (let lane = 1; lane <= config.lanes; lane++) started.push(keep(`lane-${lane}`, 'lane', lane));

  let looked = performance.now();
  const watch = setInterval(() => {
    const late = Math.max(0, performance.now() - looked - lookMs);
    looked = performance.now();
    // A machine that slept, or starved the supervisor, has starved the others too: they are not to blame.
    for (const one of all) {
      one.checkHeartbeat(late);
      one.checkShare();
    }
    scorers.look(late);
  }, lookMs);

  await Promise.all(started);
  let stopped: Promise<void> | null = null;
  const stop = async (): Promise<void> => {
    clearInterval(watch);
    const named = (start: string) => all.filter((one) => one.status().name.startsWith(start));
    const end = (start: string) => Promise.all(named(start).map((one) => one.stop(patienceMs)));
    // Lanes first, so that loops can fold their last events; control last, for the loops' last commands.
    await end('lane');
    await scorers.stop(patienceMs);
    await end('loops');
    await end('control');
    for (const socket of bound) socket.close();
    rmSync(places.addresses, { force: true });
    release();
  };
  return { dataPlane, grpc, control, stop: () => (stopped ??= stop()) };
}

function bind(host: string, port: number): BoundSocket {
  try {
    return new BoundSocket({ host: host === 'localhost' ? '127.0.0.1' : host, port });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EADDRINUSE') throw new SlipwayError('ADDRESS_IN_USE', `Port ${port} of ${host} is taken.`);
    throw new SlipwayError(
      'INVALID_REQUEST',
      `Cannot listen on ${host}:${port}: ${(error as Error).message}.`,
    );
  }
}

/** Throws TLS_UNREADABLE here, at once, rather than in each process. */
function checkTls(files: Config['tls']): void {
  const tls = readTls(files);
  if (!tls) return;
  try {
    createSecureContext(tls);
  } catch (error) {
    throw new SlipwayError(
      'TLS_UNREADABLE',
      `${files!.cert} and ${files!.key}: ${(error as Error).message}.`,
    );
  }
}

function address(host: string, socket: BoundSocket): string {
  const { port } = socket.address() as { port: number };
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

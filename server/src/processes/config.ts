import { totalmem } from 'node:os';
import { SlipwayError } from '../errors.ts';
import type { PythonSettings } from '../models/python/settings.ts';

/** Everything that `slipway serve` can be told; handed whole to every process it starts. */
export interface Config {
  data: string;
  host: string;
  port: number;
  grpcPort: number;
  controlPort: number;
  lanes: number;
  /** For models that are attached, all lanes together, bytes; null: half of what this machine has for Slipway. */
  modelMemory: number | null;
  keyFile: string | null;
  /** Of those who may bring a model's files through the data plane; null: nobody may. */
  adminKeyFile: string | null;
  /** PEM files; with them every address speaks TLS only. */
  tls: { cert: string; key: string } | null;
  /** Bound on one request's body, bytes. */
  bodyLimit: number;
  /** How long a lane lets a request take because of others, ms. */
  maxWaitMs: number;
  /** Labels that may wait for their predictions, and for how long (ms of wall time). */
  waitingLimit: number;
  waitingMs: number;
  /** The journal: when a segment is sealed, when it is synced to disk, when it may go. */
  segmentBytes: number;
  segmentMs: number;
  syncMs: number;
  retentionMs: number;
  retentionBytes: number;
  /** The candidate's bounds. */
  candidateMs: number;
  candidateBytes: number;
  /** For the processes of versions that have one of their own, together, bytes; null: half of what there is, likewise. */
  scorerMemory: number | null;
  /** Whether and how versions that are Python code run; null: not at all. */
  python: Omit<PythonSettings, 'folder'> | null;
  /** A checkpoint is kept every so many learned labels. */
  checkpointLabels: number;
  /** A lane's heartbeat may be so late, ms; a scorer's besides the time that a call may take. */
  heartbeatMs: number;
  /** Spans are sent to `…/v1/traces` of it; null: as OpenTelemetry's environment variables say. */
  otlpEndpoint: string | null;
  logLevel: 'silent' | 'error' | 'warn' | 'info' | 'debug';
}

/** What `--allow-python` allows. */
export const defaultPython: NonNullable<Config['python']> = {
  interpreter: 'python3',
  callMs: 10_000,
  startMs: 60_000,
  bytes: 2 * 1024 * 1024 * 1024,
};

const day = 24 * 3600_000;

export const defaultConfig: Config = {
  data: '.slipway',
  host: '127.0.0.1',
  port: 8080,
  grpcPort: 8081,
  controlPort: 8090,
  lanes: 1,
  modelMemory: null,
  keyFile: null,
  adminKeyFile: null,
  tls: null,
  bodyLimit: 64 * 1024 * 1024,
  maxWaitMs: 50,
  waitingLimit: 100_000,
  waitingMs: 7 * day,
  segmentBytes: 64 * 1024 * 1024,
  segmentMs: day,
  syncMs: 1000,
  retentionMs: 90 * day,
  retentionBytes: 20 * 1024 * 1024 * 1024,
  candidateMs: 60_000,
  candidateBytes: 4 * 1024 * 1024 * 1024,
  scorerMemory: null,
  python: null,
  checkpointLabels: 1000,
  heartbeatMs: 2000,
  otlpEndpoint: null,
  logLevel: 'info',
};

/** One lane's part of the memory for models, bytes. */
export function modelBytesOf({ modelMemory, lanes }: Config): number {
  return (modelMemory ?? memoryThereIs() / 2) / lanes;
}

/** The memory for all scorers together, bytes. */
export function scorerBytesOf({ scorerMemory }: Config): number {
  return scorerMemory ?? memoryThereIs() / 2;
}

function memoryThereIs(): number {
  const machine = totalmem();
  // What a container may use, where there is such a bound.
  const bound = process.constrainedMemory();
  return bound > 0 ? Math.min(machine, bound) : machine;
}

/** What a child process is told by the supervisor, in the environment variable SLIPWAY_PROCESS. */
export interface Assignment {
  name: string;
  config: Config;
  /** Lanes: which one, and the number that its ids and segments carry. */
  lane: number;
  incarnation: number;
  /** The bound addresses (ports are chosen by then). */
  dataPlane: string;
  grpc: string;
  control: string;
}

/** The first descriptor of the listening sockets that the supervisor hands down. */
const firstDescriptor = 4;
/**
 * A listening handle accepts one connection a turn of the event loop (libuv since 1.45), 80 a second where turns take
 * 12 ms. So a lane listens on as many descriptors of its one socket; each costs some 4 µs more for a connection that
 * comes alone. gRPC's clients keep theirs for long.
 */
const httpHandles = 16;
const grpcHandles = 4;
/** Where a lane, and control, find their sockets. */
export const laneDescriptors = {
  http: descriptors(firstDescriptor, httpHandles),
  grpc: descriptors(firstDescriptor + httpHandles, grpcHandles),
};
export const controlDescriptor = firstDescriptor;

export function readAssignment(): Assignment {
  const text = process.env.SLIPWAY_PROCESS;
  if (!text) throw new SlipwayError('INTERNAL', 'This process is started by Slipway’s supervisor only.');
  return JSON.parse(text) as Assignment;
}

function descriptors(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, k) => from + k);
}

const loopback = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/;

export function isLoopback(host: string): boolean {
  return loopback.test(host);
}

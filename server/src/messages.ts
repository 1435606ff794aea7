import type { ErrorBody } from './errors.ts';
import type { Position } from './events.ts';
import type { Finding } from './finding.ts';
import type { ProcessLoss } from './process-loss.ts';
import type { ServedVersion } from './snapshot.ts';
import type { SnapshotChange } from './snapshot-change.ts';
import type { VersionReport } from './trouble.ts';
import type { UpstreamCounts } from './upstream-counts.ts';

/** What the processes say to each other, over `link/`. Every message may arrive again after a reconnect: handling is idempotent. */

/** A learner's state that lanes serve next. */
export interface Update {
  model: string;
  version: number;
  /** Rises by one with every learned label and every restore. */
  update: number;
  state: Uint8Array;
}

/** Lane → loops. */
export type LaneToLoops =
  | { type: 'hello'; lane: number; incarnation: number }
  /** There is news up to here; sent once, then silence until `folded` answers it. */
  | { type: 'ring'; position: Position }
  /** Updates up to and with this one are served from now on. */
  | { type: 'serving'; model: string; version: number; update: number };

/** Loops → lane. */
export type LoopsToLane =
  | { type: 'update'; update: Update }
  /**
   * All up to here is folded and committed, every update that came of it is served by every live lane, and
   * every command that came of it is carried out.
   */
  | {
      type: 'folded';
      position: Position;
      /** Labels that wait for a prediction, and how many may. */
      waiting: number;
      waitingLimit: number;
      /** Ids older than this (ms) are past retention. */
      oldest: number;
    };

export interface VersionName {
  model: string;
  version: number;
}

/** A version that shall have a scorer, as control orders it of the supervisor. */
export interface ScorerOrder {
  model: string;
  served: ServedVersion;
  /** `spare`: it stays warm to be rolled back to, or is asked for by its number. */
  role: 'live' | 'shadow' | 'spare';
}

/** Lane → scorer: answered in the order in which it was asked. */
export type LaneToScorer =
  | ScorerRequest
  /** Its caller has gone: it is answered without the model, where that has not begun. */
  | { type: 'gone'; number: number };

export interface ScorerRequest {
  type: 'request';
  number: number;
  /** As in a Frame. */
  rows: number;
  width: number;
  values: Float64Array;
  texts: string[];
  /** Nobody waits for it any longer than that, ms. */
  patienceMs: number;
}

/** Scorer → lane. */
export type ScorerToLane =
  /** It has taken the connection: the socket of one that is ending still makes some, which nobody reads from. */
  | { type: 'hello' }
  /** It answers what it was sent, and takes no more; it ends when the lane closes the connection. */
  | { type: 'leaving' }
  | ScorerAnswer;

/** `milliseconds`: in the model. */
export type ScorerAnswer =
  | { type: 'answered'; number: number; answers: Float64Array; texts: string[]; milliseconds: number }
  | { type: 'failed'; number: number; error: ErrorBody };

/** Lane → control. */
export type LaneToControl =
  /** `snapshot`: the number of the one that it holds; 0: none. */
  | {
      type: 'hello';
      role: 'lane';
      lane: number;
      incarnation: number;
      pid: number;
      snapshot: number;
    }
  /** Warm and current; or why it could not be attached. */
  | { type: 'serving'; snapshot: number }
  | { type: 'refused'; snapshot: number; message: string }
  | { type: 'metrics'; metrics: LaneMetrics }
  /** Asked on behalf of a caller of the data plane; `number` names the question in its answer. */
  | { type: 'ask'; number: number; question: LaneQuestion };

/** Control → lane. */
export type ControlToLane =
  /** To the snapshot that was sent last over this link, or that `hello` named. */
  | { type: 'snapshot'; change: SnapshotChange }
  | { type: 'metrics?' }
  /** Refused with `error`, or answered with what the question asks for. */
  | { type: 'answer'; number: number; error: ErrorBody | null; value: unknown };

/** What only control knows or may do. */
export type LaneQuestion =
  /** → LaneMetrics[]: of every lane. */
  | { kind: 'metrics' }
  /** → RepositoryEntry[] */
  | { kind: 'repository' }
  /** → null, when every lane serves it, or none does. `by`: the caller's name. */
  | { kind: 'load' | 'unload'; model: string; by: string }
  /** → null, when it is the model's next version, and live. */
  | { kind: 'deploy'; model: string; file: { name: string; content: Uint8Array }; by: string };

/** A version in the repository's index. */
export interface RepositoryEntry {
  model: string;
  version: number;
  state: 'ready' | 'unavailable';
  /** Why it is unavailable; '' where it is ready. */
  reason: string;
}

/** Counters since the lane's start; control sums them over lanes, those that are gone included. */
export interface LaneMetrics {
  /** 0: of those that are gone. */
  lane: number;
  incarnation: number;
  /** By model name. */
  models: Map<string, ModelMetrics>;
  labels: number;
  journalBytes: number;
  unjournaled: number;
  residentBytes: number;
  admission: AdmissionMetrics;
  attachments: AttachmentCounts;
  turns: TurnTimes;
  /** null: no exporter of traces is configured. */
  spans: SpanCounts | null;
}

/** How long the turns of a lane's event loop took lately, seconds. */
export interface TurnTimes {
  p50: number;
  p99: number;
  max: number;
}

/** Spans that the collector took; that were dropped because too many waited; that it did not take. */
export const spanOutcomes = ['exported', 'dropped', 'failed'] as const;
export type SpanCounts = { [outcome in (typeof spanOutcomes)[number]]: number };

/** Versions attached in a lane, within its memory for models. */
export interface AttachmentCounts {
  /** Now, and what they hold by what the gates measured. */
  attached: number;
  bytes: number;
  /** So far: attached, detached for want of room, and not attached for a failure. */
  attaches: number;
  evictions: number;
  failures: number;
}

export interface AdmissionMetrics {
  /** Predictions that were refused because the lane had enough to do, whatever their model. */
  refused: number;
  /** There have been too many for longer than a burst. */
  pressed: boolean;
  /** How long the requests of the last turn may have waited before they were looked at, seconds. */
  waited: number;
  /** Requests in hand at most while it is pressed; null: that is not known yet. */
  limit: number | null;
}

export interface ModelMetrics {
  requests: number;
  rows: number;
  errors: { [code: string]: number };
  imputed: number;
  shadowRows: number;
  shadowSkipped: number;
  shadowFailed: number;
  /** Requests by time to answer: counts for `latencyBuckets` (seconds, upper bounds) plus one beyond. */
  latency: number[];
  latencySum: number;
  versions: { [version: number]: VersionMetrics };
}
/** What one version did for callers. */
export interface VersionMetrics {
  requests: number;
  rows: number;
  failed: number;
  /** Seconds from the decoded request to its answer, and within them in the model itself and before it in a queue. */
  seconds: number;
  inferSeconds: number;
  queueSeconds: number;
  /** Calls of the model for them: fewer than requests, where some were merged. */
  executions: number;
  /** Of these, by their rows. */
  batches: { [rows: number]: { count: number; seconds: number } };
  cache: CacheCounts;
  /** ms since the epoch of the newest request; 0: none. */
  last: number;
  /** Its requests to its upstream, those of shadows included; null where it runs here. */
  upstream: UpstreamCounts | null;
}

/** Requests that were answered from the cache, and those that were not although there is one. */
export interface CacheCounts {
  hits: number;
  hitRows: number;
  hitSeconds: number;
  misses: number;
  missSeconds: number;
}

/** Upper bounds, seconds. */
export const latencyBuckets = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** Loops → control. */
export type LoopsToControl =
  | { type: 'hello'; role: 'loops'; pid: number; snapshot: number }
  | { type: 'command'; command: Command }
  /** Folded state has moved: tell the console. At most one every 100 ms. */
  | { type: 'changed'; topics: string[] };

/** Control → loops. */
export type ControlToLoops =
  | { type: 'snapshot'; change: SnapshotChange }
  | { type: 'done'; id: string; error: string | null }
  /** Set a learner back to a kept checkpoint; answered by `restored`. */
  | {
      type: 'restore';
      id: string;
      model: string;
      version: number;
      update: number;
      state: Uint8Array;
      by: string;
    };

/** What a rollout has come to. */
export interface Verdict {
  id: string;
  kind: 'promote' | 'roll back';
  model: string;
  version: number;
  rollout: string;
  reasons: string[];
  /** Event time and live row of the outcome that decided it. */
  at: number;
  row: number;
}

/** What loops want of control. The same id is the same command: sent until it is done, carried out once. */
export type Command =
  | Verdict
  | {
      id: string;
      kind: 'checkpoint';
      model: string;
      version: number;
      update: number;
      state: Uint8Array;
      at: number;
      reason: string;
    }
  | { id: string; kind: 'finding'; finding: Finding }
  /** A verdict that control could not carry out is none any more. */
  | { id: string; kind: 'withdrawn'; model: string; rollout: string }
  | {
      id: string;
      kind: 'restored';
      model: string;
      version: number;
      from: number;
      update: number;
      at: number;
    };

/** Child → supervisor, over the process's own IPC channel. */
export type ChildToSupervisor =
  | { type: 'beat' }
  /** Up and ready to do its work. */
  | { type: 'ready' }
  /** From control. */
  | { type: 'status?' }
  /** From control: these versions shall have a scorer, and no others; a change waits for some of them. */
  | { type: 'scorers'; orders: ScorerOrder[]; awaited: VersionName[] }
  /** From a lane: it has requests for this version's scorer, and does not reach it. Said again while that is so. */
  | ({ type: 'asked' } & VersionName)
  /** From a scorer: it was asked just now. */
  | { type: 'used' }
  /** From a lane or scorer, whenever it changes: of all versions that it attaches and that have something to report. */
  | { type: 'reports'; reports: VersionReport[] }
  /** From a scorer: the version's process below it hung in a call or crashed, and is started again. */
  | { type: 'lost'; loss: ProcessLoss }
  /** From control: this loss has been counted. */
  | { type: 'counted'; number: number };

/** Supervisor → child. */
export type SupervisorToChild =
  | { type: 'stop' }
  | { type: 'status'; processes: ProcessStatus[] }
  /** To a scorer: the version that it is for. */
  | { type: 'score'; order: ScorerOrder }
  /** To a scorer, before `stop`: another will take its place when it is asked for. */
  | { type: 'leave' }
  /** To control, whenever it changes: the scorers there are. */
  | { type: 'scorers'; scorers: ScorerState[] }
  /** To control, until it has counted them: what versions lost. */
  | { type: 'losses'; losses: VersionLoss[] }
  /** To control, whenever it changes: of all lanes and scorers. */
  | { type: 'reports'; reports: VersionReport[] }
  /** To control: a process went and is being replaced. */
  | { type: 'replaced'; name: string; signal: string | null; code: number | null };

export interface ScorerState {
  model: string;
  version: number;
  ready: boolean;
  /** Times that it ended before it was ready, since it last was. */
  failed: number;
  /** Why the last of these ended; null: there is none. */
  loss: ProcessLoss | null;
}

/** A process of a version, its scorer or one below that, had been ready, has ended, and is being replaced. */
export interface VersionLoss {
  /** Later ones have higher numbers. */
  number: number;
  model: string;
  version: number;
  loss: ProcessLoss;
}

export interface ProcessStatus {
  name: string;
  pid: number;
  /** `asleep`: a scorer that went for want of memory, and comes back when it is asked for. */
  state: 'starting' | 'ready' | 'stopped' | 'asleep';
  restarts: number;
  startedAt: number;
  /** Of a scorer: the version that it is for, and how often it was put to sleep. */
  scores?: VersionName & { evictions: number };
}

import Type, { type Static } from 'typebox';
import { LaneView, ProcessView } from './api-processes.ts';
import { ServingRequest, ServingView } from './api-serving.ts';

/**
 * What the control API says, as schemas: the control use-cases return these shapes, the HTTP edge serves and
 * documents them (/api/openapi.json), the console and the CLI read them. Times are ms since the epoch.
 */

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Label = Type.Union([Type.String(), Type.Number()]);
const Level = Type.Union([Type.Literal('look'), Type.Literal('act')]);

export const FindingView = Type.Object({
  id: Type.String({ description: 'Of the cause: raised again after it was cleared, it has another "since"' }),
  model: Type.String(),
  version: Type.Integer(),
  monitor: Type.String(),
  feature: Nullable(Type.String()),
  level: Level,
  message: Type.String(),
  hint: Type.String(),
  evidence: Type.Record(Type.String(), Type.Union([Type.Number(), Type.String()])),
  since: Type.Number(),
  at: Type.Number(),
  row: Type.Integer({ description: 'Live predictions of the version seen when it was raised' }),
  cleared: Nullable(Type.Number()),
});
export type FindingView = Static<typeof FindingView>;

/** How right a version is over some outcomes. `low`, `high`: a 95 % interval of the value (Wilson score for accuracy). */
export const Score = Type.Object({
  metric: Type.Union([Type.Literal('accuracy'), Type.Literal('mae')]),
  labelled: Type.Integer(),
  value: Nullable(Type.Number()),
  low: Nullable(Type.Number()),
  high: Nullable(Type.Number()),
  logLoss: Nullable(Type.Number()),
  rmse: Nullable(Type.Number()),
});
export type Score = Static<typeof Score>;

export const Gate = Type.Object({
  name: Type.String({ description: 'loads, signature, golden rows, time per row …' }),
  passed: Type.Boolean(),
  detail: Type.String(),
});
export type Gate = Static<typeof Gate>;

export const Provenance = Type.Object({
  by: Type.String({ description: 'Who deployed it: the name of the key, or "local"' }),
  at: Type.Number(),
  file: Type.String(),
  digest: Type.String({
    description:
      'SHA-256: of a single file its own, of several that of what sha256sum prints for them by name',
  }),
  bytes: Type.Integer(),
  framework: Type.String(),
  files: Type.Optional(Type.Integer()),
  main: Type.Optional(Type.String({ description: 'The file that holds the model' })),
  upload: Type.Optional(Type.String({ description: 'Digest of the bytes that were uploaded' })),
});

export const CheckpointView = Type.Object({
  update: Type.Integer(),
  at: Type.Number({ description: 'Event time of the last label learned' }),
  digest: Type.String(),
  reason: Type.String(),
  gates: Type.Array(Gate),
});
export type CheckpointView = Static<typeof CheckpointView>;

export const FeatureView = Type.Object({
  name: Type.String(),
  type: Type.String(),
  categories: Type.Optional(Type.Array(Label)),
  seen: Type.Optional(
    Type.Array(Label, { description: 'What training saw, where other categories are answered as well' }),
  ),
});

export const TensorView = Type.Object({
  name: Type.String(),
  datatype: Type.String({ description: 'As in the Open Inference Protocol' }),
  shape: Type.Array(Type.Integer({ description: '−1: the row' })),
});

export const ImportanceView = Type.Object({
  measure: Type.String({ description: '"splits", "gain", "effect", "coefficient"' }),
  values: Type.Array(Type.Number({ description: 'A number a feature, in their order' })),
});

export const VersionView = Type.Object({
  model: Type.String(),
  version: Type.Integer(),
  kind: Type.String(),
  state: Type.Union([
    Type.Literal('live'),
    Type.Literal('shadow'),
    Type.Literal('idle'),
    Type.Literal('quarantined'),
  ]),
  refusal: Nullable(Type.String({ description: 'Why this Slipway does not run it; null: it does' })),
  task: Type.String(),
  features: Type.Array(FeatureView),
  inputs: Type.Array(TensorView),
  outputs: Type.Array(TensorView),
  classes: Nullable(Type.Array(Label)),
  missingAllowed: Type.Boolean({ description: 'Whether null is taken, by a rule of the model’s own' }),
  policy: Type.Object({ missing: Type.String(), unknown: Type.String(), extra: Type.String() }),
  provenance: Provenance,
  facts: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()])),
  gates: Type.Array(Gate),
  importance: Type.Array(ImportanceView, { description: 'Empty where the format has none' }),
  microseconds: Type.Number({ description: 'µs for a single fresh row, measured by the gate' }),
  batchMicroseconds: Nullable(Type.Number({ description: 'µs a row in a batch of up to 1,000' })),
  memoryBytes: Nullable(
    Type.Integer({ description: 'What a process grows by that loads it as the first of its kind' }),
  ),
  attachedBytes: Nullable(
    Type.Integer({
      description: 'What one more of its kind adds to a process: of a lane, --model-memory counts that',
    }),
  ),
  placement: Type.Union([Type.Literal('lane'), Type.Literal('scorer'), Type.Literal('elsewhere')], {
    description:
      'Where it runs, live: in the lanes, in a process of its own (--scorer-memory counts what that holds), or on another server',
  }),
  serving: ServingView,
  promise: Nullable(Type.Object({ metric: Type.String(), value: Type.Number(), rows: Type.Integer() })),
  /** Over all its outcomes, live and shadow alike. */
  score: Score,
  learner: Nullable(Type.Object({ update: Type.Integer(), checkpoints: Type.Array(CheckpointView) })),
});
export type VersionView = Static<typeof VersionView>;

/** A confidence sequence for the paired loss difference live − candidate: positive is in the candidate's favour. */
export const RolloutLook = Type.Object({
  pairs: Type.Integer(),
  at: Type.Number({ description: 'Event time of the newest pair' }),
  difference: Type.Number(),
  low: Type.Number(),
  high: Type.Number(),
});
export type RolloutLook = Static<typeof RolloutLook>;

export const Verdict = Type.Union([
  Type.Literal('continue'),
  Type.Literal('promote'),
  Type.Literal('hold'),
  Type.Literal('roll back'),
  Type.Literal('inconclusive'),
]);
export type Verdict = Static<typeof Verdict>;

export const RolloutView = Type.Object({
  id: Type.String(),
  model: Type.String(),
  kind: Type.Literal('shadow'),
  /** The version that was live, and the one that wants to be, when it began. After a promotion `live` is the former candidate. */
  live: Type.Integer(),
  candidate: Type.Integer(),
  state: Type.Union([Type.Literal('running'), Type.Literal('held'), Type.Literal('ended')]),
  verdict: Verdict,
  reasons: Type.Array(Type.String()),
  startedAt: Type.Number(),
  endedAt: Nullable(Type.Number()),
  /** What it takes to decide: α of the confidence sequence, least pairs, margin of the loss difference. */
  rule: Type.Object({
    alpha: Type.Number(),
    leastPairs: Type.Integer(),
    margin: Type.Number(),
    loss: Type.String(),
  }),
  look: Nullable(RolloutLook),
  /** Thinned history of looks, oldest first, for the picture. */
  looks: Type.Array(RolloutLook),
  /** Live predictions waiting for a label, and labelled ones that the candidate was not asked. */
  unlabelled: Type.Integer(),
  skipped: Type.Integer(),
  unanswered: Type.Integer({
    description: 'Pairs that the candidate failed on, or answered no finite number',
  }),
  next: Type.String({ description: 'One sentence: what happens next and when' }),
});
export type RolloutView = Static<typeof RolloutView>;

/** One window of event time of one version. `series` are at most 200 windows. */
export const AccuracyWindow = Type.Object({
  from: Type.Number(),
  to: Type.Number(),
  version: Type.Integer(),
  /** 'served': whatever version was live then. */
  role: Type.Union([Type.Literal('served'), Type.Literal('version')]),
  score: Score,
});
export type AccuracyWindow = Static<typeof AccuracyWindow>;

export const AccuracyView = Type.Object({
  model: Type.String(),
  windows: Type.Array(AccuracyWindow),
});
export type AccuracyView = Static<typeof AccuracyView>;

export const DriftWindow = Type.Object({
  from: Type.Number(),
  to: Type.Number(),
  rows: Type.Integer(),
  psi: Nullable(Type.Number()),
  pValue: Nullable(Type.Number()),
  missing: Type.Integer(),
  outOfRange: Type.Integer(),
  /** Rows in each bin of the baseline. */
  counts: Type.Array(Type.Integer()),
});
export const DriftFeature = Type.Object({
  feature: Type.String(),
  /** The latest closed window's; null before there is one. */
  psi: Nullable(Type.Number()),
  level: Type.Union([Type.Literal('well'), Type.Literal('look'), Type.Literal('act')]),
  since: Nullable(Type.Number()),
  missing: Type.Integer(),
  outOfRange: Type.Integer(),
  baseline: Type.Object({
    /** Text of each bin: "≤ 0.0442", "0.0442 – 0.0511", or a category. */
    bins: Type.Array(Type.String()),
    shares: Type.Array(Type.Number()),
    constant: Nullable(Type.Number()),
  }),
  windows: Type.Array(DriftWindow),
});
export type DriftFeature = Static<typeof DriftFeature>;
export const DriftView = Type.Object({
  model: Type.String(),
  version: Type.Integer(),
  explanation: Type.String(),
  features: Type.Array(DriftFeature),
});
export type DriftView = Static<typeof DriftView>;

export const TimelineEntry = Type.Object({
  id: Type.String(),
  /** Wall time, ms. */
  at: Type.Number(),
  /** Event time it belongs to on a picture's axis, ms, or null. */
  eventTime: Nullable(Type.Number()),
  model: Nullable(Type.String()),
  version: Nullable(Type.Integer()),
  /** deploy, promote, roll back, rollout, finding, checkpoint, restore, quarantine, lane, start … */
  kind: Type.String(),
  level: Type.Union([Type.Literal('well'), Type.Literal('look'), Type.Literal('act')]),
  /** One sentence. */
  message: Type.String(),
  /** "local", a key's name, "rollout shadow-1", "supervisor" … */
  by: Type.String(),
  /** Why, sentence by sentence. */
  reasons: Type.Array(Type.String()),
});
export type TimelineEntry = Static<typeof TimelineEntry>;

export const TrafficView = Type.Object({
  /** Live predictions (rows) since the data folder began, and the journal's newest event time. */
  predictions: Type.Integer(),
  labels: Type.Integer(),
  waiting: Type.Integer({
    description:
      'Labels whose prediction is not known yet; those by id may be any model’s, and count for each',
  }),
  invalid: Type.Integer({
    description: 'Labels that are no class or value of the version’s, or of a row that is not there',
  }),
  expired: Type.Integer({
    description: 'Labels that were let go: their prediction did not come within 7 days',
  }),
  requestsPerSecond: Type.Number(),
  /** Over the lanes' recent requests, ms, from first byte to answer; null without traffic. */
  p50: Nullable(Type.Number()),
  p99: Nullable(Type.Number()),
  errors: Type.Integer(),
  /** Values that a version’s policy has put in place of missing or unknown ones. */
  imputed: Type.Integer(),
  /** Live rows in each of the last 60 slices of event time, for the sparkline. */
  spark: Type.Array(Type.Integer()),
});
export type TrafficView = Static<typeof TrafficView>;

export const ModelView = Type.Object({
  model: Type.String(),
  unloaded: Type.Boolean({ description: 'Taken out of the lanes by hand; answers nobody' }),
  live: Nullable(Type.Integer()),
  previous: Nullable(Type.Integer()),
  /** well, look, act, with the sentence that says why: the console's first line. */
  health: Type.Object({
    level: Type.Union([Type.Literal('well'), Type.Literal('look'), Type.Literal('act')]),
    sentence: Type.String(),
  }),
  task: Type.String(),
  traffic: TrafficView,
  /** Of what was served, over the newest window and over all. */
  recent: Score,
  overall: Score,
  promise: Nullable(Type.Object({ metric: Type.String(), value: Type.Number(), rows: Type.Integer() })),
  versions: Type.Array(VersionView),
  rollout: Nullable(RolloutView),
  findings: Type.Array(FindingView),
  /** Event time of the oldest and of the newest live prediction, ms. */
  first: Nullable(Type.Number()),
  watermark: Nullable(Type.Number()),
});
export type ModelView = Static<typeof ModelView>;

export const StatusView = Type.Object({
  version: Type.String({ description: 'Slipway’s own' }),
  startedAt: Type.Number(),
  dataFolder: Type.String(),
  dataPlane: Type.String({ description: 'URL of the lanes' }),
  grpc: Type.String({ description: 'The lanes over gRPC, host:port' }),
  control: Type.String(),
  snapshot: Type.Integer(),
  processes: Type.Array(ProcessView),
  lanes: Type.Array(LaneView),
  journal: Type.Object({ bytes: Type.Integer(), segments: Type.Integer(), events: Type.Integer() }),
  models: Type.Array(ModelView),
});
export type StatusView = Static<typeof StatusView>;

/** Whatever was refused or went wrong: its code (errors.ts), what is wrong, what to do. */
export const ErrorAnswer = Type.Object(
  {
    error: Type.Object({
      code: Type.String({
        description: 'MODEL_NOT_FOUND, SIGNATURE_MISMATCH …: stays the same when words change',
      }),
      message: Type.String(),
      hint: Type.String(),
    }),
  },
  { description: 'Refused, or failed' },
);

/** Requests: a field that is not known is a mistake of the sender's, and is named. */
const closed = { additionalProperties: false } as const;
const Upload = Type.Object({ name: Type.String({ maxLength: 255 }), digest: Type.String() }, closed);

/** POST /api/models/{model}/versions. Files were uploaded before: PUT /api/uploads → {digest}. */
export const DeployRequest = Type.Object(
  {
    file: Upload,
    baseline: Type.Optional(Upload),
    golden: Type.Optional(Upload),
    /** Column of the baseline that holds the label; the others are features. */
    label: Type.Optional(Type.String()),
    classes: Type.Optional(Type.Array(Label)),
    /** How onnxruntime runs an ONNX graph that is not compiled. */
    onnx: Type.Optional(
      Type.Object(
        {
          threads: Type.Optional(Type.Integer({ minimum: 1, maximum: 64 })),
          optimization: Type.Optional(
            Type.Union([
              Type.Literal('disabled'),
              Type.Literal('basic'),
              Type.Literal('extended'),
              Type.Literal('all'),
            ]),
          ),
          /** Sizes of an input's dimensions besides the rows, for those that the graph leaves open. */
          shapes: Type.Optional(
            Type.Record(Type.String(), Type.Array(Type.Integer({ minimum: 1, maximum: 8192 }))),
          ),
        },
        closed,
      ),
    ),
    /** Of a booster that was stopped early: its rounds up to the best one (default), or all in the file. */
    rounds: Type.Optional(Type.Union([Type.Literal('best'), Type.Literal('all')])),
    policy: Type.Optional(
      Type.Object(
        {
          missing: Type.Optional(Type.Union([Type.Literal('reject'), Type.Literal('impute')])),
          unknown: Type.Optional(Type.Union([Type.Literal('reject'), Type.Literal('impute')])),
          extra: Type.Optional(Type.Union([Type.Literal('reject'), Type.Literal('ignore')])),
        },
        closed,
      ),
    ),
    failedWrite: Type.Optional(Type.Union([Type.Literal('refuse'), Type.Literal('serve')])),
    privacy: Type.Optional(
      Type.Object(
        {
          hash: Type.Optional(Type.Array(Type.String())),
          drop: Type.Optional(Type.Array(Type.String())),
        },
        closed,
      ),
    ),
    serving: Type.Optional(ServingRequest),
    allowSignatureChange: Type.Optional(Type.Boolean()),
    /** The first version goes live at once. A later one waits, unless 'live' (at once) or 'shadow' (starts a shadow rollout that decides by itself). */
    as: Type.Optional(Type.Union([Type.Literal('idle'), Type.Literal('live'), Type.Literal('shadow')])),
  },
  closed,
);
export type DeployRequest = Static<typeof DeployRequest>;

export const DeployAnswer = Type.Object({
  version: VersionView,
  unloaded: Type.Boolean({ description: 'The model answers nobody until it is loaded again' }),
  snapshot: Type.Integer(),
  rollout: Nullable(Type.String()),
});
export type DeployAnswer = Static<typeof DeployAnswer>;

export const PromoteRequest = Type.Object(
  { version: Type.Integer(), reason: Type.Optional(Type.String()) },
  closed,
);
export const RollbackRequest = Type.Object({ reason: Type.Optional(Type.String()) }, closed);
export const ChangeAnswer = Type.Object({
  model: Type.String(),
  /** null: no version was sound when it was loaded or unloaded. */
  live: Nullable(Type.Integer()),
  previous: Nullable(Type.Integer()),
  unloaded: Type.Boolean({ description: 'It answers nobody until it is loaded again' }),
  snapshot: Type.Integer(),
  /** Lanes that have acknowledged the snapshot: all that live. */
  lanes: Type.Integer(),
});
export type ChangeAnswer = Static<typeof ChangeAnswer>;

export const RolloutRequest = Type.Object(
  {
    candidate: Type.Integer(),
    alpha: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 0.5 })),
    leastPairs: Type.Optional(Type.Integer({ minimum: 1 })),
    margin: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  },
  closed,
);
export type RolloutRequest = Static<typeof RolloutRequest>;

/** Server-sent at /api/events: what has changed, so that a reader fetches it again. */
export const ChangeEvent = Type.Object({
  topics: Type.Array(Type.String({ description: '"models", "models/electricity", "timeline", "status" …' })),
  at: Type.Number(),
});
export type ChangeEvent = Static<typeof ChangeEvent>;

export const UploadAnswer = Type.Object({
  digest: Type.String({ description: 'SHA-256, hex' }),
  bytes: Type.Integer(),
});

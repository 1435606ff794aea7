import type {
  AccuracyView,
  DriftView,
  FindingView,
  ModelView,
  RolloutView,
  StatusView,
  VersionView,
} from '../api.ts';
import type { PredictionView } from '../api-predictions.ts';
import { SlipwayError } from '../errors.ts';
import type { PredictionEvent, RequestId } from '../events.ts';
import type { Finder } from '../journal/find.ts';
import { idTime, parseId, rowId } from '../journal/id.ts';
import type { StateReader } from '../loops/reader.ts';
import type { LaneMetrics, ProcessStatus } from '../messages.ts';
import { kindNamed, refusalOf } from '../models/kinds.ts';
import { rowOf } from '../oip/row.ts';
import { placementAs } from '../placement.ts';
import type { KnownVersion, ModelRecord, Registry, RolloutRecord } from '../registry/registry.ts';
import { heldNext } from '../rollout/decide.ts';
import { lossFor, lossText } from '../rollout/loss.ts';
import { servingOf, timeoutWhere } from '../serving.ts';
import {
  answerValue,
  answerWidth,
  firstOfTwo,
  isScored,
  isText,
  predictedClass,
  type Scored,
  type TensorSpec,
} from '../signature.ts';
import { isInTexts, textAt } from '../texts.ts';
import { health } from './health.ts';
import { LaneFigures } from './lane-figures.ts';
import { laneViews } from './lane-view.ts';
import { RecentFailures } from './recent-failures.ts';
import { undoneOf } from './undone-verdict.ts';

/** The newest stretch of event time that "recent" means, as a share of all that was served. */
const recentShare = 0.1;

/** What readers of the API see: the registry and the loops' state, put together. Reads only. */
export class Views {
  readonly #registry: Registry;
  readonly #state: StateReader;
  readonly #finder: Finder;
  readonly #figures = new LaneFigures();
  readonly #failures = new RecentFailures();

  constructor(registry: Registry, state: StateReader, finder: Finder) {
    this.#registry = registry;
    this.#state = state;
    this.#finder = finder;
  }

  models(metrics: LaneMetrics[]): ModelView[] {
    const order = { act: 0, look: 1, well: 2 };
    return this.#registry
      .models()
      .map(({ model }) => this.model(model, metrics))
      .sort((a, b) => order[a.health.level] - order[b.health.level] || a.model.localeCompare(b.model));
  }

  model(name: string, metrics: LaneMetrics[]): ModelView {
    const record = this.#model(name);
    const versions = this.versions(name);
    const live = versions.find((version) => version.version === record.live) ?? null;
    const traffic = this.#state.traffic(name);
    const overall = this.#state.score(name, 'served');
    const recent = this.#state.recent(name, recentShare, 'served');
    const findings = this.#findings(name, false);
    const rollout = this.rollouts(name)[0] ?? null;
    return {
      model: name,
      unloaded: record.unloaded,
      live: record.live,
      previous: record.previous,
      health: health({
        unloaded: record.unloaded,
        refusal: live?.refusal ?? null,
        live: record.live,
        predictions: traffic.predictions,
        failing: this.#failures.of(name, metrics, performance.now()),
        // Its own, its answers as a shadow among them: what was served may have been another's.
        recent: record.live === null ? recent : this.#state.recent(name, recentShare, record.live),
        promise: live?.promise ?? null,
        findings,
        rollout,
      }),
      task: versions.at(-1)?.task ?? '',
      traffic: {
        predictions: traffic.predictions,
        labels: traffic.labels,
        waiting: traffic.waiting,
        invalid: traffic.invalid,
        expired: traffic.expired,
        ...this.#figures.of(name, metrics),
        spark: traffic.spark,
      },
      recent,
      overall,
      promise: live?.promise ?? null,
      versions,
      rollout,
      findings,
      first: traffic.first,
      watermark: traffic.watermark,
    };
  }

  /** Throws MODEL_NOT_FOUND. */
  versions(model: string): VersionView[] {
    this.#model(model);
    return this.#registry.versions(model).map((record) => this.#version(record));
  }

  version(model: string, version: number): VersionView {
    this.#model(model);
    const record = this.#registry.version(model, version);
    if (!record) throw new SlipwayError('VERSION_NOT_FOUND', `"${model}" has no version ${version}.`);
    return this.#version(record);
  }

  /** Newest first. */
  rollouts(model: string): RolloutView[] {
    this.#model(model);
    return this.#registry.rollouts(model).map((record) => this.rollout(record));
  }

  rollout(record: RolloutRecord): RolloutView {
    const { id, model, phase, live, candidate, held, alpha, leastPairs, margin, startedAt, endedAt } = record;
    const fold = this.#state.rollout(id, phase);
    const traffic = this.#state.traffic(model);
    const task = this.#registry.version(model, live)?.signature.task ?? 'binary';
    const ended = endedAt !== null;
    // The loops say the same as soon as they have read the change.
    const isHeldAnew = held && !ended && fold?.verdict !== 'hold';
    const isReleasedAnew = !held && !ended && fold?.next === heldNext;
    const said = ended || isReleasedAnew ? null : fold;
    const undone = ended ? null : undoneOf(this.#registry.findings(model), id);
    let next = said?.next ?? 'It decides once labels of rows that both versions were asked have come.';
    if (ended) next = 'It has ended.';
    else if (isHeldAnew) next = heldNext;
    else if (isReleasedAnew) next = 'It goes on.';
    else if (undone) next = `${undone.message} ${undone.hint}`;
    return {
      id,
      model,
      kind: 'shadow',
      live,
      candidate,
      state: ended ? 'ended' : held ? 'held' : 'running',
      verdict: isHeldAnew ? 'hold' : (said?.verdict ?? record.verdict),
      reasons: said?.reasons ?? record.reasons,
      startedAt,
      endedAt,
      rule: { alpha, leastPairs, margin, loss: lossText(lossFor(task, null)) },
      look: fold?.look ?? null,
      looks: fold?.looks ?? [],
      unlabelled: Math.max(0, traffic.predictions - traffic.labelled),
      skipped: fold ? fold.labelled - (fold.look?.pairs ?? 0) : 0,
      unanswered: fold?.unanswered ?? 0,
      next,
    };
  }

  drift(model: string, version: number): DriftView {
    this.version(model, version);
    return (
      this.#state.drift(model, version) ?? {
        model,
        version,
        explanation:
          'Nothing to compare yet: drift is watched for versions with a baseline, from their first live prediction on.',
        features: [],
      }
    );
  }

  accuracy(
    model: string,
    { edges: wanted, ...query }: { windows?: number; from?: number; to?: number; edges?: string },
  ): AccuracyView {
    this.#model(model);
    if (wanted === undefined) return { model, windows: this.#state.accuracy(model, query) };
    const edges = wanted.split(',').map(Number);
    if (
      edges.length < 2 ||
      edges.length > 1001 ||
      edges.some((edge, i) => !Number.isFinite(edge) || edge < (edges[i - 1] ?? edge))
    ) {
      throw new SlipwayError('INVALID_REQUEST', '"edges" is not a list of 2 to 1001 ascending times.');
    }
    return { model, windows: this.#state.accuracy(model, { edges }) };
  }

  /** All that were raised, also those that are over. */
  findings(model?: string): FindingView[] {
    return this.#findings(model, true);
  }

  #findings(model: string | undefined, cleared: boolean): FindingView[] {
    const own = this.#registry.findings(model).filter((one) => cleared || one.cleared === null);
    return [...own, ...this.#state.findings(model, cleared)];
  }

  /** A prediction by its id text, with what every arm answered and the label, if they are there. */
  prediction(text: string): PredictionView {
    const parsed = parseId(text);
    if (!parsed) throw new SlipwayError('INVALID_REQUEST', `"${text.slice(0, 60)}" is no prediction id.`);
    const view = this.#prediction(parsed.id, parsed.row);
    if (view) return view;
    const { oldest = 0 } = this.#state.journal() ?? {};
    if (idTime(parsed.id) < oldest)
      throw new SlipwayError('PREDICTION_EXPIRED', `Prediction ${text} is past retention.`);
    throw new SlipwayError('PREDICTION_NOT_FOUND', `There is no prediction ${text}.`);
  }

  /** By key, by subject, or the newest of a model. */
  predictions(query: { model: string; key?: string; subject?: string; limit: number }): PredictionView[] {
    const { model, key, subject, limit } = query;
    const ids =
      key !== undefined
        ? this.#state.named('key', model, key, limit)
        : subject !== undefined
          ? this.#state.named('subject', model, subject, limit)
          : this.#state.newest(model, limit);
    return ids.flatMap((id) => this.#prediction(id, 0) ?? []);
  }

  status(
    facts: Pick<
      StatusView,
      'version' | 'startedAt' | 'dataFolder' | 'dataPlane' | 'grpc' | 'control' | 'snapshot'
    >,
    processes: (ProcessStatus & { megabytes: number })[],
    metrics: LaneMetrics[],
  ): StatusView {
    const journal = this.#state.journal();
    return {
      ...facts,
      processes: processes.map(({ scores, ...process }) => ({ ...process, scores: scores ?? null })),
      lanes: laneViews(metrics),
      journal: { bytes: journal?.bytes ?? 0, segments: journal?.segments ?? 0, events: this.#state.events() },
      models: this.models(metrics),
    };
  }

  #model(name: string): ModelRecord {
    const record = this.#registry.model(name);
    if (!record) throw new SlipwayError('MODEL_NOT_FOUND', `There is no model "${name}".`);
    return record;
  }

  #version(record: KnownVersion): VersionView {
    const { model, version, kind, signature, policy, provenance, facts, gates, promise } = record;
    const learns = kindNamed(kind).learns;
    const placement = placementAs('other', record, { learns });
    const serving = servingOf(record.serving, record.merging);
    return {
      model,
      version,
      kind,
      state: this.#stateOf(record),
      refusal: refusalText(kind),
      task: signature.task,
      features: signature.features.map(({ name, type, categories, seen }) => ({
        name,
        type,
        ...(categories ? { categories } : {}),
        ...(seen ? { seen } : {}),
      })),
      inputs: signature.inputs.map(tensorView),
      outputs: signature.outputs.map(tensorView),
      classes: signature.classes ?? null,
      missingAllowed: signature.missingAllowed,
      policy: { ...policy },
      provenance,
      facts,
      gates,
      importance: record.importance ?? [],
      microseconds: record.microseconds,
      batchMicroseconds: record.batchMicroseconds ?? null,
      memoryBytes: record.memoryBytes ?? null,
      attachedBytes: record.attachedBytes ?? null,
      placement,
      serving: {
        ...serving,
        timeoutMs: timeoutWhere(serving, placement),
        automatic: record.serving.batching === 'auto',
      },
      promise,
      score: this.#state.score(model, version),
      learner: learns
        ? {
            update: this.#state.update(model, version),
            checkpoints: this.#registry
              .checkpoints(model, version)
              .map(({ update, at, digest, reason, gates: passed }) => ({
                update,
                at,
                digest,
                reason,
                gates: passed,
              })),
          }
        : null,
    };
  }

  #stateOf({ model, version, quarantined }: KnownVersion): VersionView['state'] {
    if (quarantined) return 'quarantined';
    const record = this.#registry.model(model);
    if (record?.live === version) return 'live';
    const rollout = record?.rollout ? this.#registry.rollout(record.rollout) : null;
    return rollout?.candidate === version ? 'shadow' : 'idle';
  }

  #prediction(id: RequestId, row: number): PredictionView | null {
    const found = this.#finder.find(id);
    if (!found || row >= found.live.rows) return null;
    const { live, shadows } = found;
    const outcomes = this.#state.outcomes(id, row);
    return {
      id: rowId(id, row, live.rows),
      model: live.model,
      at: live.at,
      received: idTime(id),
      subject: live.subject,
      key: live.key,
      trace: live.trace,
      snapshot: live.snapshot,
      rollout: live.rollout,
      propensity: live.propensity,
      arm: 'live',
      imputed: live.imputed,
      features: this.#features(live, row),
      answers: [live, ...shadows].map((event) => {
        const outcome = outcomes.find((one) => one.version === event.version);
        return {
          version: event.version,
          update: event.update,
          role: event.role,
          ...this.#answer(event, row),
          failure: event.failure,
          latencyMicroseconds: event.latency,
          correct: outcome?.correct ?? null,
          loss: outcome?.loss ?? null,
        };
      }),
      label: this.#state.label(id, row),
    };
  }

  #features(live: PredictionEvent, row: number): PredictionView['features'] {
    const signature = this.#registry.version(live.model, live.version)?.signature;
    const entries = live.features.map((name, i): [string, PredictionView['features'][string]] => {
      const value = live.values[i * live.rows + row]!;
      const feature = signature?.features.find((one) => one.name === name);
      if (Number.isNaN(value)) return [name, null];
      if (feature && isText(feature)) return [name, live.texts[value] ?? null];
      if (feature?.type === 'integer' && isInTexts(value)) return [name, textAt(value, live.texts)];
      if (feature?.type === 'boolean') return [name, value !== 0];
      if (feature?.categories) return [name, feature.categories[value] ?? value];
      return [name, value];
    });
    return Object.fromEntries(entries);
  }

  #answer(
    event: PredictionEvent,
    row: number,
  ): Pick<PredictionView['answers'][number], 'prediction' | 'probabilities'> {
    if (event.failure !== null) return { prediction: null, probabilities: null };
    const signature = this.#registry.version(event.model, event.version)?.signature;
    if (!signature) return { prediction: event.answers[row] ?? Number.NaN, probabilities: null };
    if (!isScored(signature)) {
      return { prediction: rowOf(signature, event.answers, event.answerTexts, row), probabilities: null };
    }
    if (!signature.classes) return { prediction: answerValue(signature, event, row), probabilities: null };
    return {
      prediction: signature.classes[predictedClass(signature, event.answers, row)]!,
      probabilities: signature.answer.scores ? null : probabilities(signature, event.answers, row),
    };
  }
}

function refusalText(kind: string): string | null {
  const refusal = refusalOf(kind);
  return refusal && `${refusal.message} ${refusal.hint}`;
}

function tensorView({ name, datatype, shape }: TensorSpec): VersionView['inputs'][number] {
  return { name, datatype, shape };
}

function probabilities(signature: Scored, answers: Float64Array, row: number): Record<string, number> {
  const classes = signature.classes ?? [];
  const start = row * answerWidth(signature);
  const from = start + signature.answer.column;
  const first = firstOfTwo(signature);
  const p = (k: number) => {
    if (signature.task !== 'binary') return answers[from + k]!;
    if (k === 1) return answers[from]!;
    return first === null ? 1 - answers[from]! : answers[start + first]!;
  };
  return Object.fromEntries(classes.map((label, k) => [String(label), p(k)]));
}

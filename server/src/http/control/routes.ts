import type { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import Type, { type Static } from 'typebox';
import * as api from '../../api.ts';
import { PredictionView, ReproductionView } from '../../api-predictions.ts';
import { ServingRequest } from '../../api-serving.ts';
import type { Control } from '../../control/control.ts';
import type { Reproduction } from '../../control/reproduction.ts';
import type { Views } from '../../control/views.ts';
import type { LaneMetrics, ProcessStatus } from '../../messages.ts';
import type { ChangeStream } from './events.ts';
import { prometheusText } from './metrics.ts';

export interface ControlEdge {
  control: Control;
  views: Views;
  reproduction: Reproduction;
  changes: ChangeStream;
  log: Logger;
  /** Largest upload, bytes. */
  uploadLimit: number;
  facts: Pick<api.StatusView, 'version' | 'startedAt' | 'dataFolder' | 'dataPlane' | 'grpc' | 'control'>;
  processes: () => Promise<(ProcessStatus & { megabytes: number })[]>;
  ready: () => boolean;
}

const ofModel = Type.Object({ model: Type.String() });
const ofVersion = Type.Object({ model: Type.String(), version: Type.Integer() });
const ofRollout = Type.Object({ model: Type.String(), id: Type.String() });
const limit = Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 }));
const usualLimit = 100;
const nothing = Type.Optional(Type.Union([Type.Object({}), Type.Null()]));

/** Every path of control, each a line or two over a use case or a view. */
export function routes(app: FastifyInstance, edge: ControlEdge): void {
  const { control, views, changes } = edge;
  const lanes = (): Promise<LaneMetrics[]> => control.lines.metrics();

  app.get(
    '/health/live',
    { schema: { operationId: 'getLiveness', response: { 200: Type.Object({ live: Type.Boolean() }) } } },
    async () => ({ live: true }),
  );
  const readiness = Type.Object({ ready: Type.Boolean() });
  app.get(
    '/health/ready',
    { schema: { operationId: 'getReadiness', response: { 200: readiness, 503: readiness } } },
    async (_request, reply) => reply.status(edge.ready() ? 200 : 503).send({ ready: edge.ready() }),
  );
  app.get(
    '/metrics',
    { schema: { operationId: 'getMetrics', description: 'Prometheus, summed over lanes' } },
    async (_request, reply) => {
      const { text, type } = await prometheusText(
        await lanes(),
        await edge.processes(),
        control.troubles.reports,
      );
      return reply.type(type).send(text);
    },
  );
  app.get(
    '/api/events',
    {
      schema: {
        operationId: 'followChanges',
        description: 'Server-sent events: the topics that have changed',
      },
    },
    (request, reply) => changes.listen(request, reply),
  );

  app.get(
    '/api/status',
    { schema: { operationId: 'getStatus', response: { 200: api.StatusView } } },
    async () =>
      views.status({ ...edge.facts, snapshot: control.snapshot }, await edge.processes(), await lanes()),
  );
  app.get(
    '/api/models',
    {
      schema: {
        operationId: 'listModels',
        response: { 200: Type.Object({ models: Type.Array(api.ModelView) }) },
      },
    },
    async () => ({
      models: views.models(await lanes()),
    }),
  );
  app.get<{ Params: Static<typeof ofModel> }>(
    '/api/models/:model',
    { schema: { operationId: 'getModel', params: ofModel, response: { 200: api.ModelView } } },
    async ({ params }) => views.model(params.model, await lanes()),
  );
  app.get<{ Params: Static<typeof ofModel> }>(
    '/api/models/:model/versions',
    {
      schema: {
        operationId: 'listVersions',
        params: ofModel,
        response: { 200: Type.Object({ versions: Type.Array(api.VersionView) }) },
      },
    },
    async ({ params }) => ({ versions: views.versions(params.model) }),
  );
  app.get<{ Params: Static<typeof ofVersion> }>(
    '/api/models/:model/versions/:version',
    { schema: { operationId: 'getVersion', params: ofVersion, response: { 200: api.VersionView } } },
    async ({ params }) => views.version(params.model, params.version),
  );
  app.get<{ Params: Static<typeof ofVersion> }>(
    '/api/models/:model/versions/:version/drift',
    { schema: { operationId: 'getDrift', params: ofVersion, response: { 200: api.DriftView } } },
    async ({ params }) => views.drift(params.model, params.version),
  );
  const accuracyQuery = Type.Object({
    windows: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
    from: Type.Optional(Type.Number({ description: 'Event time, ms: of these, the windows that touch it' })),
    to: Type.Optional(Type.Number()),
    edges: Type.Optional(Type.String({ description: 'Event times in ms, ascending, with commas between' })),
  });
  app.get<{ Params: Static<typeof ofModel>; Querystring: Static<typeof accuracyQuery> }>(
    '/api/models/:model/accuracy',
    {
      schema: {
        operationId: 'getAccuracy',
        params: ofModel,
        querystring: accuracyQuery,
        response: { 200: api.AccuracyView },
      },
    },
    async ({ params, query }) => views.accuracy(params.model, query),
  );
  app.get<{ Params: Static<typeof ofModel> }>(
    '/api/models/:model/rollouts',
    {
      schema: {
        operationId: 'listRollouts',
        params: ofModel,
        response: { 200: Type.Object({ rollouts: Type.Array(api.RolloutView) }) },
      },
    },
    async ({ params }) => ({ rollouts: views.rollouts(params.model) }),
  );
  const timelineQuery = Type.Object({
    model: Type.Optional(Type.String()),
    limit,
    before: Type.Optional(Type.Integer()),
  });
  app.get<{ Querystring: Static<typeof timelineQuery> }>(
    '/api/timeline',
    {
      schema: {
        operationId: 'listTimeline',
        querystring: timelineQuery,
        response: { 200: Type.Object({ entries: Type.Array(api.TimelineEntry) }) },
      },
    },
    async ({ query }) => ({
      entries: control.registry.timeline({ ...query, limit: query.limit ?? usualLimit }),
    }),
  );
  const findingsQuery = Type.Object({ model: Type.Optional(Type.String()) });
  app.get<{ Querystring: Static<typeof findingsQuery> }>(
    '/api/findings',
    {
      schema: {
        operationId: 'listFindings',
        querystring: findingsQuery,
        response: { 200: Type.Object({ findings: Type.Array(api.FindingView) }) },
      },
    },
    async ({ query }) => ({ findings: views.findings(query.model) }),
  );
  const predictionsQuery = Type.Object({
    model: Type.String(),
    key: Type.Optional(Type.String()),
    subject: Type.Optional(Type.String()),
    limit,
  });
  app.get<{ Querystring: Static<typeof predictionsQuery> }>(
    '/api/predictions',
    {
      schema: {
        operationId: 'listPredictions',
        querystring: predictionsQuery,
        response: { 200: Type.Object({ predictions: Type.Array(PredictionView) }) },
      },
    },
    async ({ query }) => ({
      predictions: views.predictions({ ...query, limit: Math.min(query.limit ?? 20, 200) }),
    }),
  );
  app.get<{ Params: { id: string } }>(
    '/api/predictions/:id',
    { schema: { operationId: 'getPrediction', response: { 200: PredictionView } } },
    async ({ params }) => views.prediction(params.id),
  );
  app.get<{ Params: { id: string } }>(
    '/api/predictions/:id/reproduction',
    { schema: { operationId: 'reproducePrediction', response: { 200: ReproductionView } } },
    async ({ params }) => edge.reproduction.of(params.id),
  );

  app.put(
    '/api/uploads',
    {
      bodyLimit: edge.uploadLimit,
      schema: { operationId: 'uploadFile', response: { 201: api.UploadAnswer } },
    },
    async (request, reply) =>
      reply.status(201).send(await control.upload(request.body as Readable, edge.uploadLimit)),
  );
  app.post<{ Params: Static<typeof ofModel>; Body: api.DeployRequest }>(
    '/api/models/:model/versions',
    {
      schema: {
        operationId: 'deployVersion',
        params: ofModel,
        body: api.DeployRequest,
        response: { 201: api.DeployAnswer },
      },
    },
    async ({ params, body, actor }, reply) => {
      const { record, rollout, unloaded } = await control.deploy(params.model, body, actor);
      const version = views.version(record.model, record.version);
      return reply.status(201).send({ version, unloaded, snapshot: control.snapshot, rollout });
    },
  );
  app.post<{ Params: Static<typeof ofModel>; Body: Static<typeof api.PromoteRequest> }>(
    '/api/models/:model/promote',
    {
      schema: {
        operationId: 'promoteVersion',
        params: ofModel,
        body: api.PromoteRequest,
        response: { 200: api.ChangeAnswer },
      },
    },
    async ({ params, body, actor }) =>
      control.promote(params.model, body.version, actor, [body.reason ?? `Promoted by ${actor}.`]),
  );
  app.post<{ Params: Static<typeof ofModel>; Body: Static<typeof api.RollbackRequest> }>(
    '/api/models/:model/rollback',
    {
      schema: {
        operationId: 'rollBack',
        params: ofModel,
        body: api.RollbackRequest,
        response: { 200: api.ChangeAnswer },
      },
    },
    async ({ params, body, actor }) =>
      control.rollBack(params.model, actor, [body.reason ?? `Rolled back by ${actor}.`]),
  );
  app.patch<{ Params: Static<typeof ofVersion>; Body: ServingRequest }>(
    '/api/models/:model/versions/:version/serving',
    {
      schema: {
        operationId: 'tuneVersion',
        params: ofVersion,
        body: ServingRequest,
        response: { 200: api.VersionView },
      },
    },
    async ({ params, body, actor }) => {
      await control.tune(params.model, params.version, body, actor);
      return views.version(params.model, params.version);
    },
  );
  for (const change of ['load', 'unload'] as const) {
    app.post<{ Params: Static<typeof ofModel> }>(
      `/api/models/:model/${change}`,
      {
        schema: {
          operationId: `${change}Model`,
          params: ofModel,
          body: nothing,
          response: { 200: api.ChangeAnswer },
        },
      },
      async ({ params, actor }) => control.setLoaded(params.model, change === 'load', actor),
    );
  }
  app.post<{ Params: Static<typeof ofModel>; Body: api.RolloutRequest }>(
    '/api/models/:model/rollouts',
    {
      schema: {
        operationId: 'startRollout',
        params: ofModel,
        body: api.RolloutRequest,
        response: { 201: api.RolloutView },
      },
    },
    async ({ params, body, actor }, reply) =>
      reply.status(201).send(views.rollout(await control.startRollout(params.model, body, actor))),
  );
  for (const change of ['hold', 'resume', 'stop'] as const) {
    app.post<{ Params: Static<typeof ofRollout> }>(
      `/api/models/:model/rollouts/:id/${change}`,
      {
        schema: {
          operationId: `${change}Rollout`,
          params: ofRollout,
          body: nothing,
          response: { 200: api.RolloutView },
        },
      },
      async ({ params, actor }) =>
        views.rollout(await control.changeRollout(params.model, params.id, change, actor)),
    );
  }
  const ofCheckpoint = Type.Object({ model: Type.String(), version: Type.Integer(), update: Type.Integer() });
  app.post<{ Params: Static<typeof ofCheckpoint> }>(
    '/api/models/:model/versions/:version/checkpoints/:update/restore',
    {
      schema: {
        operationId: 'restoreCheckpoint',
        params: ofCheckpoint,
        body: nothing,
        response: { 200: api.VersionView },
      },
    },
    async ({ params, actor }) => {
      await control.restoreCheckpoint(params.model, params.version, params.update, actor);
      return views.version(params.model, params.version);
    },
  );
}

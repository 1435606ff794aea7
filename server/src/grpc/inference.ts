import type { Metadata, Server } from '@grpc/grpc-js';
import type { Actor } from '../actor.ts';
import { type Catalog, versionNamed } from '../lane/catalog.ts';
import type { DataPlane } from '../lane/data-plane.ts';
import type { Tracer } from '../lane/tracer.ts';
import { type Parameters, readParameters } from '../oip/infer-message.ts';
import { addInfer } from './infer.ts';
import { traceCall, traced } from './span.ts';
import { unary } from './unary.ts';

export interface InferenceParts {
  plane: DataPlane;
  catalog: Catalog;
  /** The caller, by what they send. Throws UNAUTHORIZED. */
  authorise: (metadata: Metadata) => Actor;
  ready: () => boolean;
  /** null: no exporter is configured. */
  tracer: Tracer | null;
}

export const inferenceService = 'inference.GRPCInferenceService';

interface ByName {
  name: string;
  version: string;
}

interface ByModel {
  model_name: string;
  parameters: Parameters;
}

/**
 * The Open Inference Protocol over gRPC with Triton's extensions (spec/proto/grpc_service.proto). Methods of
 * Triton that Slipway does not have (shared memory, trace and log settings) are UNIMPLEMENTED.
 */
export function addInference(
  server: Server,
  { plane, catalog, authorise, ready, tracer }: InferenceParts,
): void {
  const add = <In extends object>(
    name: string,
    answer: (request: In, by: Actor) => object | Promise<object>,
  ): void =>
    unary<In>(server, inferenceService, name, (request, metadata) => {
      const answered = (): object | Promise<object> => answer(request, authorise(metadata));
      if (!tracer) return answered();
      return traced(traceCall(tracer, `${inferenceService}/${name}`, metadata), answered);
    });
  // Probes need no key, and nobody traces them: as over REST.
  unary(server, inferenceService, 'ServerLive', () => ({ live: true }));
  unary(server, inferenceService, 'ServerReady', () => ({ ready: ready() }));
  add<ByName>('ModelReady', ({ name, version }) => ({ ready: catalog.isReady(name, version) }));
  add('ServerMetadata', () => catalog.server());
  add<ByName>('ModelMetadata', ({ name, version }) => catalog.model(name, versionNamed(version)));
  add<ByName>('ModelConfig', ({ name, version }) => ({
    config: catalog.config(name, versionNamed(version)),
  }));
  add<ByName>('ModelStatistics', ({ name, version }) => catalog.statistics(name, versionNamed(version)));
  add<{ ready: boolean }>('RepositoryIndex', async (request) => ({
    models: await catalog.index(request.ready),
  }));
  add<ByModel>('RepositoryModelLoad', async ({ model_name, parameters }, by) => {
    await catalog.load(model_name, readParameters(parameters), by);
    return {};
  });
  add<ByModel>('RepositoryModelUnload', async ({ model_name }, by) => {
    await catalog.unload(model_name, by.name);
    return {};
  });
  addInfer(server, inferenceService, plane, authorise, tracer);
}

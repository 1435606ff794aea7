import type { Metadata, Server } from '@grpc/grpc-js';
import { type Catalog, versionNamed } from '../lane/catalog.ts';
import type { DataPlane } from '../lane/data-plane.ts';
import { addInfer } from './infer.ts';
import { type Parameters, readParameters } from './infer-message.ts';
import { unary } from './unary.ts';

export interface InferenceParts {
  plane: DataPlane;
  catalog: Catalog;
  /** The caller's name, by what they send. Throws UNAUTHORIZED. */
  authorise: (metadata: Metadata) => string;
  ready: () => boolean;
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
export function addInference(server: Server, { plane, catalog, authorise, ready }: InferenceParts): void {
  const add = <In extends object>(
    name: string,
    answer: (request: In, by: string) => object | Promise<object>,
  ): void =>
    unary<In>(server, inferenceService, name, (request, metadata) => answer(request, authorise(metadata)));
  add('ServerLive', () => ({ live: true }));
  add('ServerReady', () => ({ ready: ready() }));
  add<ByName>('ModelReady', ({ name, version }) => ({ ready: catalog.isReady(name, versionNamed(version)) }));
  add('ServerMetadata', () => catalog.server());
  add<ByName>('ModelMetadata', ({ name, version }) => catalog.model(name, versionNamed(version)));
  add<ByName>('ModelConfig', ({ name, version }) => ({
    config: catalog.config(name, versionNamed(version)),
  }));
  add<ByName>('ModelStatistics', ({ name, version }) => catalog.statistics(name, versionNamed(version)));
  add<{ ready: boolean }>('RepositoryIndex', async (request) => ({
    models: await catalog.index(request.ready),
  }));
  for (const kind of ['load', 'unload'] as const) {
    const name = kind === 'load' ? 'RepositoryModelLoad' : 'RepositoryModelUnload';
    add<ByModel>(name, async ({ model_name, parameters }, by) => {
      await catalog.change(kind, model_name, readParameters(parameters), by);
      return {};
    });
  }
  addInfer(server, inferenceService, plane, authorise);
}

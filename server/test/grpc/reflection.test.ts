import { readFileSync } from 'node:fs';
import { status } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor/index.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inRepository, Slipway } from '../processes/harness.ts';
import { GrpcClient, protos } from './client.ts';

/** What load balancers and grpcurl ask. */
const health = 'grpc.health.v1.Health';
const reflection = 'grpc.reflection.v1.ServerReflection';
let slipway: Slipway;
let client: GrpcClient;

beforeAll(async () => {
  slipway = await Slipway.start();
  client = new GrpcClient(slipway.grpc);
});
afterAll(async () => {
  client.close();
  await slipway.end();
});

test('health is checked, listed and watched', async () => {
  const ask = (method: string, service?: string) =>
    client.ask(method, service === undefined ? {} : { service }, { service: health });
  expect(await ask('Check', '')).toEqual({ status: 'SERVING' });
  expect(await ask('List')).toMatchObject({ statuses: { '': { status: 'SERVING' } } });
  await expect(ask('Check', 'nobody')).rejects.toMatchObject({ code: status.NOT_FOUND });
  expect(await client.first('Watch', { service: 'nobody' }, health)).toEqual({ status: 'SERVICE_UNKNOWN' });
  expect(await client.first('Watch', { service: '' }, health)).toEqual({ status: 'SERVING' });
});

interface Reflected {
  list_services_response?: { service: { name: string }[] };
  file_descriptor_response?: { file_descriptor_proto: Buffer[] };
  error_response?: { error_code: number };
}
const reflect = async (asked: object): Promise<Reflected> =>
  (
    await client.stream<Reflected>('ServerReflectionInfo', [asked as { [name: string]: unknown }], reflection)
  )[0]!;
const bytesOf = ({ file_descriptor_response: found }: Reflected): Buffer => found!.file_descriptor_proto[0]!;

/** As grpcurl does: the file that has a symbol, and all that it imports. */
async function filesFor(symbol: string): Promise<descriptor.IFileDescriptorProto[]> {
  const files = new Map<string, descriptor.IFileDescriptorProto>();
  const take = async (bytes: Buffer): Promise<void> => {
    const file = descriptor.FileDescriptorProto.decode(bytes) as descriptor.IFileDescriptorProto;
    files.set(file.name!, file);
    for (const name of file.dependency ?? [])
      if (!files.has(name)) await take(bytesOf(await reflect({ file_by_filename: name })));
  };
  await take(bytesOf(await reflect({ file_containing_symbol: symbol })));
  return [...files.values()];
}

test('reflection describes every service as protoc does', async () => {
  const { list_services_response: listed } = await reflect({ list_services: '' });
  const names = listed!.service.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['inference.GRPCInferenceService', health, reflection]));
  const set = descriptor.FileDescriptorSet.decode(
    readFileSync(inRepository('spec/proto/descriptors.binpb')),
  ) as unknown as descriptor.IFileDescriptorSet;
  for (const name of names) {
    const files = await filesFor(name);
    for (const file of files) expect(set.file).toContainEqual(file);
  }
});

test('what protoc described is spec/proto: to be made anew after a change there', async () => {
  const described: string[] = [];
  for (const service of ['inference.GRPCInferenceService', health, reflection])
    for (const file of await filesFor(service)) described.push(...shapesOf(file));
  expect(described.sort()).toEqual(shapesIn(protos).sort());
});

test.each([
  'inference.ModelInferRequest.InferInputTensor',
  'inference.ModelInferRequest.ParametersEntry',
  'inference.GRPCInferenceService.ModelInfer',
  'grpc.health.v1.HealthCheckResponse.ServingStatus',
])('%s is found', async (symbol) => {
  expect((await reflect({ file_containing_symbol: symbol })).error_response ?? null).toBeNull();
});

test.each([{ file_containing_symbol: 'no.such.Thing' }, { file_by_filename: 'no.proto' }, {}])(
  'what is not there is not found: %j',
  async (asked) => {
    expect((await reflect(asked)).error_response).toMatchObject({ error_code: status.NOT_FOUND });
  },
);

/** A line a field and a method, with its number. */
function shapesOf(file: descriptor.IFileDescriptorProto): string[] {
  const inMessages = (scope: string, messages: descriptor.IDescriptorProto[] = []): string[] =>
    messages
      .filter(({ options }) => !options?.mapEntry)
      .flatMap(({ name, field, nestedType }) => [
        ...(field ?? []).map((one) => `${scope}.${name}.${one.name}=${one.number}`),
        ...inMessages(`${scope}.${name}`, nestedType),
      ]);
  return [
    ...inMessages(file.package!, file.messageType),
    ...(file.service ?? []).flatMap(({ name, method }) =>
      (method ?? []).map(
        (one) => `${file.package}.${name}.${one.name}:${!!one.clientStreaming}:${!!one.serverStreaming}`,
      ),
    ),
  ];
}

function shapesIn(namespace: protobuf.NamespaceBase): string[] {
  const scope = namespace.fullName.slice(1);
  const own =
    namespace instanceof protobuf.Type
      ? namespace.fieldsArray.map(({ name, id }) => `${scope}.${name}=${id}`)
      : namespace instanceof protobuf.Service
        ? namespace.methodsArray.map(
            (one) => `${scope}.${one.name}:${!!one.requestStream}:${!!one.responseStream}`,
          )
        : [];
  const inner = namespace.nestedArray.filter((one) => one instanceof protobuf.Namespace);
  return [...own, ...inner.flatMap(shapesIn)];
}

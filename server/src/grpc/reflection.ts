import { type Server, type ServerDuplexStream, status } from '@grpc/grpc-js';
import descriptor from 'protobufjs/ext/descriptor/index.js';
import { SlipwayError } from '../errors.ts';
import { message } from '../oip/messages.ts';
import { answeredOne } from './arriving.ts';
import descriptors from './descriptors.json' with { type: 'json' };
import { type Received, received } from './received.ts';
import { statusOf } from './status.ts';

interface ReflectionRequest {
  host: string;
  /** Name of the field that is set. */
  message_request?: string;
  file_by_filename: string;
  file_containing_symbol: string;
}

interface File {
  name: string;
  symbols: ReadonlySet<string>;
  bytes: Uint8Array;
}

/** The same messages under two names: grpcurl and its like ask for either. */
const services = ['grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection'];

/**
 * gRPC's server reflection (spec/proto/reflection.proto): tools such as grpcurl learn from it what there is to call.
 * `listed`: the names of the other services.
 */
export function addReflection(server: Server, listed: string[]): void {
  const request = message<ReflectionRequest>('grpc.reflection.v1.ServerReflectionRequest');
  const response = message('grpc.reflection.v1.ServerReflectionResponse');
  let files: File[] | null = null;
  const answer = (asked: ReflectionRequest): object => {
    if (asked.message_request === 'list_services')
      return { list_services_response: { service: [...listed, services[0]].map((name) => ({ name })) } };
    files ??= describe();
    const file = files.find(
      asked.message_request === 'file_by_filename'
        ? ({ name }) => name === asked.file_by_filename
        : ({ symbols }) => symbols.has(asked.file_containing_symbol),
    );
    if (file) return { file_descriptor_response: { file_descriptor_proto: [file.bytes] } };
    return {
      error_response: { error_code: status.NOT_FOUND, error_message: 'There is no such thing here.' },
    };
  };
  for (const service of services) {
    server.register(
      `/${service}/ServerReflectionInfo`,
      (call: ServerDuplexStream<Received<ReflectionRequest>, object>) => {
        call.on('data', (asked: Received<ReflectionRequest>) => {
          answeredOne(call);
          if (asked instanceof SlipwayError) call.emit('error', statusOf(asked));
          else call.write({ valid_host: asked.host, original_request: asked, ...answer(asked) });
        });
        call.on('end', () => call.end());
      },
      response.encode,
      received(request.decode),
      'bidi',
    );
  }
}

/** Every file, as protoc described it. */
function describe(): File[] {
  return descriptors.map((text) => {
    const bytes = Buffer.from(text, 'base64');
    const file = descriptor.FileDescriptorProto.decode(bytes) as descriptor.IFileDescriptorProto;
    return { name: file.name!, symbols: new Set(symbolsOf(file)), bytes };
  });
}

/** Full names of a file's messages, enumerations, services and methods. */
function symbolsOf({
  package: scope,
  messageType,
  enumType,
  service,
}: descriptor.IFileDescriptorProto): string[] {
  return [
    ...typesOf(scope!, messageType, enumType),
    ...(service ?? []).flatMap(({ name, method }) => [
      `${scope}.${name}`,
      ...(method ?? []).map((one) => `${scope}.${name}.${one.name}`),
    ]),
  ];
}

function typesOf(
  scope: string,
  messages: descriptor.IDescriptorProto[] = [],
  enums: descriptor.IEnumDescriptorProto[] = [],
): string[] {
  return [
    ...enums.map(({ name }) => `${scope}.${name}`),
    ...messages.flatMap(({ name, nestedType, enumType }) => [
      `${scope}.${name}`,
      ...typesOf(`${scope}.${name}`, nestedType, enumType),
    ]),
  ];
}

import { type Server, type ServerDuplexStream, status } from '@grpc/grpc-js';
import descriptor from 'protobufjs/ext/descriptor/index.js';
import { SlipwayError } from '../errors.ts';
import { message, root } from '../oip/messages.ts';
import { answeredOne } from './arriving.ts';
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
  package: string;
  bytes: Uint8Array;
}

/** The same messages under two names: grpcurl and its like ask for either. */
const services = ['grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection'];

/**
 * gRPC's server reflection (spec/proto/reflection.proto): tools such as grpcurl learn from it what there is to call.
 * `listed`: the names of the services.
 */
export function addReflection(server: Server, listed: string[]): void {
  const request = message<ReflectionRequest>('grpc.reflection.v1.ServerReflectionRequest');
  const response = message('grpc.reflection.v1.ServerReflectionResponse');
  let files: File[] | null = null;
  const answer = (asked: ReflectionRequest): object => {
    files ??= describe();
    const given = { file_descriptor_response: (file: File) => ({ file_descriptor_proto: [file.bytes] }) };
    switch (asked.message_request) {
      case 'list_services':
        return { list_services_response: { service: listed.map((name) => ({ name })) } };
      case 'file_by_filename': {
        const file = files.find(({ name }) => name === asked.file_by_filename);
        if (file) return { file_descriptor_response: given.file_descriptor_response(file) };
        break;
      }
      case 'file_containing_symbol': {
        const symbol = asked.file_containing_symbol;
        const file = files.find(({ package: name }) => symbol.startsWith(`${name}.`) && isDefined(symbol));
        if (file) return { file_descriptor_response: given.file_descriptor_response(file) };
        break;
      }
    }
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

/** Whether a message, an enumeration, a service or a service's method has this name. */
function isDefined(symbol: string): boolean {
  const dot = symbol.lastIndexOf('.');
  return root.lookup(symbol) !== null || root.lookup(symbol.slice(0, dot)) !== null;
}

/** One file a package, with all that is in it. */
function describe(): File[] {
  const set = (
    root as unknown as { toDescriptor(syntax: string): { file: { name: string; package: string }[] } }
  ).toDescriptor('proto3');
  return set.file.map((file) => ({
    name: file.name,
    package: file.package,
    bytes: descriptor.FileDescriptorProto.encode(file).finish(),
  }));
}

import protobuf from 'protobufjs/light.js';
import json from './messages.json' with { type: 'json' };

/** Every message that the gRPC port speaks, under the names of spec/proto (`npm run messages -w server` after a change there). */
export const root = protobuf.Root.fromJSON(json as unknown as protobuf.INamespace);

/** How one message is read and written; `T` is how those who use it know it. */
export interface Message<T> {
  decode(bytes: Uint8Array): T;
  encode(value: T): Buffer;
}

/** `name`: with its package, such as `inference.ModelInferRequest`. */
export function message<T extends object>(name: string): Message<T> {
  const type = root.lookupType(name);
  return {
    decode: (bytes) => type.decode(bytes) as T,
    // From an object: enumerations and 64-bit integers may be given as they are in JSON.
    encode: (value) => finished(type.encode(type.fromObject(value))),
  };
}

/** The same for values that hold exactly what the message does; a few µs faster. */
export function plainMessage<T extends object>(name: string): Message<T> {
  const type = root.lookupType(name);
  return { decode: (bytes) => type.decode(bytes) as T, encode: (value) => finished(type.encode(value)) };
}

function finished(writer: protobuf.Writer): Buffer {
  const bytes = writer.finish();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

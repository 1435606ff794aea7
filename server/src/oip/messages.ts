import protobuf from 'protobufjs/light.js';
import json from './messages.json' with { type: 'json' };

/** Every message that the gRPC port speaks, under the names of spec/proto (`npm run messages -w server` after a change there). */
export const root = protobuf.Root.fromJSON(json as unknown as protobuf.INamespace);

/**
 * Fields of a message, and of those in it, that are read: each becomes an object. As many texts of a tensor as in any
 * request that a lane answers; ten million empty tensors are 20 MB of bytes, and seconds and gigabytes as objects.
 */
const mostFields = 1_000_000;
/** No field takes fewer bytes. */
const leastBytes = 2;

/** How one message is read and written; `T` is how those who use it know it. */
export interface Message<T> {
  /** Throws for bytes that are no such message, and for more than a million fields. */
  decode(bytes: Uint8Array): T;
  encode(value: T): Buffer;
}

/** `name`: with its package, such as `inference.ModelInferRequest`. */
export function message<T extends object>(name: string): Message<T> {
  const type = root.lookupType(name);
  return {
    decode: decoder(type),
    // From an object: enumerations and 64-bit integers may be given as they are in JSON.
    encode: (value) => finished(type.encode(type.fromObject(value))),
  };
}

/** The same for values that hold exactly what the message does; a few µs faster. */
export function plainMessage<T extends object>(name: string): Message<T> {
  const type = root.lookupType(name);
  return { decode: decoder(type), encode: (value) => finished(type.encode(value)) };
}

function decoder<T extends object>(type: protobuf.Type): (bytes: Uint8Array) => T {
  return (bytes) => {
    if (bytes.length > leastBytes * mostFields) {
      const reader = protobuf.Reader.create(bytes);
      if (fieldsLeft(type, reader, bytes.length, mostFields) < 0)
        throw new Error(`it has more than ${mostFields} fields`);
    }
    return type.decode(bytes) as T;
  };
}

/** `left`, less the fields up to `end`; negative: there are more. */
function fieldsLeft(type: protobuf.Type, reader: protobuf.Reader, end: number, left: number): number {
  let rest = left;
  while (reader.pos < end && rest >= 0) {
    const tag = reader.uint32();
    const field = type.fieldsById[tag >>> 3];
    rest--;
    if ((tag & 7) === 2 && field?.resolvedType instanceof protobuf.Type && !field.map) {
      const length = reader.uint32();
      rest = fieldsLeft(field.resolvedType, reader, reader.pos + length, rest);
    } else reader.skipType(tag & 7);
  }
  return rest;
}

function finished(writer: protobuf.Writer): Buffer {
  const bytes = writer.finish();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

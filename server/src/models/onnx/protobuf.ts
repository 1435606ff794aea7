/**
 * As much of protobuf's wire format as reading and cutting an ONNX file takes, over spans of one buffer:
 * nothing is copied, and no length is believed beyond the bytes that are there.
 */
export interface Span {
  bytes: Uint8Array;
  from: number;
  to: number;
}

export interface Field {
  number: number;
  wire: number;
  /** A varint as a signed 64-bit number, exact up to 2^53; 0 for what is no varint. */
  value: number;
  /** The content of a length-delimited field. */
  span: Span;
  /** The whole field, tag included, for copying. */
  whole: Span;
}

/** Protobuf's own limit. */
const mostFields = 2 ** 29 - 1;

/** Throws RangeError for what is no protobuf message. */
export function* fields(message: Span): Generator<Field> {
  const { bytes, to } = message;
  const at = { i: message.from };
  while (at.i < to) {
    const from = at.i;
    const tag = varint(bytes, at, to);
    const number = Math.floor(tag / 8);
    const wire = tag & 7;
    if (number < 1 || number > mostFields) throw new RangeError(`there is no field ${number}`);
    let value = 0;
    let span: Span = { bytes, from: at.i, to: at.i };
    if (wire === 0) value = varint(bytes, at, to);
    else if (wire === 1 || wire === 5) {
      const size = wire === 1 ? 8 : 4;
      if (at.i + size > to) throw new RangeError('it ends inside a number');
      span = { bytes, from: at.i, to: at.i + size };
      at.i += size;
    } else if (wire === 2) {
      const length = varint(bytes, at, to);
      if (length < 0 || length > to - at.i)
        throw new RangeError(`a part says it has ${length} bytes; ${to - at.i} are left`);
      span = { bytes, from: at.i, to: at.i + length };
      at.i = span.to;
    } else throw new RangeError(`there is no wire type ${wire}`);
    yield { number, wire, value, span, whole: { bytes, from, to: at.i } };
  }
}

function varint(bytes: Uint8Array, at: { i: number }, to: number): number {
  const from = at.i;
  let value = 0;
  for (let scale = 1; at.i - from < 10; scale *= 128) {
    if (at.i >= to) throw new RangeError('it ends inside a number');
    const byte = bytes[at.i++]!;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return at.i - from < 8 ? value : long(bytes.subarray(from, at.i));
  }
  throw new RangeError('a number is too long');
}

/** Varints of eight bytes and more: negative numbers, which have ten, and those beyond 2^49. */
function long(bytes: Uint8Array): number {
  let value = 0n;
  for (const [k, byte] of bytes.entries()) value |= BigInt(byte & 0x7f) << BigInt(7 * k);
  return Number(BigInt.asIntN(64, value));
}

export function text(span: Span): string {
  return Buffer.from(span.bytes.buffer, span.bytes.byteOffset + span.from, span.to - span.from).toString();
}

/** A repeated number: one value, or many packed into a span. */
export function numbers(field: Field): number[] {
  if (field.wire === 0) return [field.value];
  const values: number[] = [];
  const at = { i: field.span.from };
  while (at.i < field.span.to) values.push(varint(field.span.bytes, at, field.span.to));
  return values;
}

/** Writes a message from fields and whole copies. */
export class MessageWriter {
  readonly #parts: Uint8Array[] = [];

  copy(field: Field): void {
    this.#parts.push(field.whole.bytes.subarray(field.whole.from, field.whole.to));
  }

  number(number: number, value: number): void {
    this.#parts.push(Uint8Array.from([...encoded(number << 3), ...encoded(value)]));
  }

  bytes(number: number, content: Uint8Array): void {
    this.#parts.push(Uint8Array.from([...encoded((number << 3) | 2), ...encoded(content.length)]), content);
  }

  text(number: number, content: string): void {
    this.bytes(number, Buffer.from(content));
  }

  done(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.#parts));
  }
}

function encoded(value: number): number[] {
  const bytes: number[] = [];
  let left = BigInt(value);
  do {
    const byte = Number(left & 0x7fn);
    left >>= 7n;
    bytes.push(left > 0n ? byte | 0x80 : byte);
  } while (left > 0n);
  return bytes;
}

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
  /** Varints and fixed numbers; 0 for spans. */
  value: bigint;
  /** The content of a length-delimited field. */
  span: Span;
  /** The whole field, tag included, for copying. */
  whole: Span;
}

/** Throws RangeError for what is no protobuf message. */
export function* fields(message: Span): Generator<Field> {
  const { bytes, to } = message;
  const at = { i: message.from };
  while (at.i < to) {
    const from = at.i;
    const tag = Number(varint(bytes, at, to));
    const number = tag >>> 3;
    const wire = tag & 7;
    if (number === 0) throw new RangeError('a field has number 0');
    let value = 0n;
    let span: Span = { bytes, from: at.i, to: at.i };
    if (wire === 0) value = varint(bytes, at, to);
    else if (wire === 1 || wire === 5) {
      const size = wire === 1 ? 8 : 4;
      if (at.i + size > to) throw new RangeError('it ends inside a number');
      span = { bytes, from: at.i, to: at.i + size };
      at.i += size;
    } else if (wire === 2) {
      const length = varint(bytes, at, to);
      if (length > BigInt(to - at.i))
        throw new RangeError(`a part says it has ${length} bytes; ${to - at.i} are left`);
      span = { bytes, from: at.i, to: at.i + Number(length) };
      at.i = span.to;
    } else throw new RangeError(`there is no wire type ${wire}`);
    yield { number, wire, value, span, whole: { bytes, from, to: at.i } };
  }
}

function varint(bytes: Uint8Array, at: { i: number }, to: number): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    if (at.i >= to) throw new RangeError('it ends inside a number');
    const byte = bytes[at.i++]!;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return BigInt.asUintN(64, value);
  }
  throw new RangeError('a number is too long');
}

export function text(span: Span): string {
  return Buffer.from(span.bytes.buffer, span.bytes.byteOffset + span.from, span.to - span.from).toString();
}

/** A repeated number: one value, or many packed into a span. */
export function numbers(field: Field): bigint[] {
  if (field.wire === 0) return [BigInt.asIntN(64, field.value)];
  const values: bigint[] = [];
  const at = { i: field.span.from };
  while (at.i < field.span.to) values.push(BigInt.asIntN(64, varint(field.span.bytes, at, field.span.to)));
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

import type { Datatype } from '../signature.ts';
import { intoTexts, ofInteger } from '../texts.ts';

/** How a datatype's values come out of JSON and of bytes, and go into bytes; a frame holds each as float64, or in its texts (texts.ts). */
export interface Element {
  /** Bytes that a value takes in a binary tensor. */
  bytes: number;
  /** undefined where this is no such value: a fraction for an integer, a number out of range. */
  fromJson(value: unknown, texts: string[]): number | undefined;
  /** The values of a binary tensor, one after another. */
  unpack(raw: Uint8Array, texts: string[]): ArrayLike<number>;
  pack(values: Float64Array): Uint8Array;
}

/** Every datatype but BYTES, whose values are texts of any length. */
export const elements: Readonly<Record<Exclude<Datatype, 'BYTES'>, Element>> = {
  BOOL: {
    bytes: 1,
    fromJson: (value) => (value === true || value === 1 ? 1 : value === false || value === 0 ? 0 : undefined),
    unpack: (raw) => raw.map((byte) => (byte === 0 ? 0 : 1)),
    pack: (values) => Uint8Array.from(values, (value) => (value === 0 ? 0 : 1)),
  },
  UINT8: integer(Uint8Array, 0, 2 ** 8 - 1),
  UINT16: integer(Uint16Array, 0, 2 ** 16 - 1),
  UINT32: integer(Uint32Array, 0, 2 ** 32 - 1),
  UINT64: integer64(BigUint64Array, 0n, 2n ** 64n - 1n),
  INT8: integer(Int8Array, -(2 ** 7), 2 ** 7 - 1),
  INT16: integer(Int16Array, -(2 ** 15), 2 ** 15 - 1),
  INT32: integer(Int32Array, -(2 ** 31), 2 ** 31 - 1),
  INT64: integer64(BigInt64Array, -(2n ** 63n), 2n ** 63n - 1n),
  FP16: float(Float16Array, Math.f16round),
  FP32: float(Float32Array, Math.fround),
  FP64: float(Float64Array, (value) => value),
};

/** Reads one value of any datatype out of JSON into a column, text into texts. */
export function readerOf(datatype: Datatype): Element['fromJson'] {
  if (datatype !== 'BYTES') return elements[datatype].fromJson;
  return (value, texts) => (typeof value === 'string' ? intoTexts(value, texts) : undefined);
}

/** A typed array's class. Binary tensors are little endian, and so are the machines that this runs on. */
interface NumberPacking {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer): ArrayLike<number>;
  new (values: Float64Array): ArrayBufferView;
}

interface BigIntPacking {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer): ArrayLike<bigint>;
  new (length: number): BigInt64Array | BigUint64Array;
}

function integer(packing: NumberPacking, least: number, most: number): Element {
  return {
    ...numbers(packing),
    fromJson: (value) =>
      Number.isInteger(value) && (value as number) >= least && (value as number) <= most
        ? (value as number)
        : undefined,
  };
}

function integer64(packing: BigIntPacking, least: bigint, most: bigint): Element {
  return {
    bytes: packing.BYTES_PER_ELEMENT,
    fromJson: (value, texts) => {
      if (Number.isSafeInteger(value))
        return least < 0n || (value as number) >= 0 ? (value as number) : undefined;
      const exact =
        typeof value === 'bigint' ? value : Number.isInteger(value) ? BigInt(value as number) : null;
      return exact !== null && exact >= least && exact <= most ? ofInteger(exact, texts) : undefined;
    },
    unpack: (raw, texts) =>
      Float64Array.from(new packing(ownBuffer(raw)), (value) => ofInteger(value, texts)),
    pack: (values) => {
      const packed = new packing(values.length);
      for (let i = 0; i < values.length; i++) packed[i] = BigInt(values[i]!);
      return bytesOf(packed);
    },
  };
}

/** JSON has no NaN: null stands for a missing value. */
function float(packing: NumberPacking, round: (value: number) => number): Element {
  return {
    ...numbers(packing),
    fromJson: (value) =>
      typeof value === 'number'
        ? round(value)
        : value === null
          ? Number.NaN
          : typeof value === 'bigint'
            ? round(Number(value))
            : undefined,
  };
}

function numbers(packing: NumberPacking): Omit<Element, 'fromJson'> {
  return {
    bytes: packing.BYTES_PER_ELEMENT,
    unpack: (raw) => new packing(ownBuffer(raw)),
    pack: (values) => bytesOf(new packing(values)),
  };
}

/** A copy: a tensor's bytes begin anywhere in a body, a typed array at a multiple of its values' size. */
function ownBuffer(raw: Uint8Array): ArrayBuffer {
  return new Uint8Array(raw).buffer;
}

export function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

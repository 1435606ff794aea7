import type { Datatype } from '../signature.ts';

/** How one value of a datatype comes out of JSON and of bytes, and goes into bytes; a frame holds it as float64. */
export interface Element {
  /** Bytes that a value takes in a binary tensor, little endian. */
  bytes: number;
  /** undefined where this is no such value: a fraction for an integer, a number out of range. */
  fromJson(value: unknown): number | undefined;
  read(view: DataView, at: number): number | undefined;
  write(view: DataView, at: number, value: number): void;
}

/** Every datatype but BYTES, whose values are texts of any length. */
export const elements: Record<Exclude<Datatype, 'BYTES'>, Element> = {
  BOOL: {
    bytes: 1,
    fromJson: (value) => (value === true || value === 1 ? 1 : value === false || value === 0 ? 0 : undefined),
    read: (view, at) => (view.getUint8(at) === 0 ? 0 : 1),
    write: (view, at, value) => view.setUint8(at, value === 0 ? 0 : 1),
  },
  UINT8: integer('Uint8', 1, 0, 2 ** 8 - 1),
  UINT16: integer('Uint16', 2, 0, 2 ** 16 - 1),
  UINT32: integer('Uint32', 4, 0, 2 ** 32 - 1),
  UINT64: integer64('BigUint64', 0n, 2n ** 64n - 1n),
  INT8: integer('Int8', 1, -(2 ** 7), 2 ** 7 - 1),
  INT16: integer('Int16', 2, -(2 ** 15), 2 ** 15 - 1),
  INT32: integer('Int32', 4, -(2 ** 31), 2 ** 31 - 1),
  INT64: integer64('BigInt64', -(2n ** 63n), 2n ** 63n - 1n),
  FP16: float('Float16', 2, Math.f16round),
  FP32: float('Float32', 4, Math.fround),
  FP64: float('Float64', 8, (value) => value),
};

type Integer = 'Uint8' | 'Uint16' | 'Uint32' | 'Int8' | 'Int16' | 'Int32';

function integer(type: Integer, bytes: number, least: number, most: number): Element {
  return {
    bytes,
    fromJson: (value) =>
      Number.isInteger(value) && (value as number) >= least && (value as number) <= most
        ? (value as number)
        : undefined,
    read: (view, at) => view[`get${type}`](at, true),
    write: (view, at, value) => view[`set${type}`](at, value, true),
  };
}

function integer64(type: 'BigUint64' | 'BigInt64', least: bigint, most: bigint): Element {
  return {
    bytes: 8,
    fromJson: (value) =>
      Number.isInteger(value) && (value as number) >= Number(least) && (value as number) <= Number(most)
        ? (value as number)
        : undefined,
    read: (view, at) => Number(view[`get${type}`](at, true)),
    write: (view, at, value) => view[`set${type}`](at, clamp(BigInt(Math.trunc(value)), least, most), true),
  };
}

function clamp(value: bigint, least: bigint, most: bigint): bigint {
  return value < least ? least : value > most ? most : value;
}

/** JSON has no NaN: null stands for a missing value. */
function float(
  type: 'Float16' | 'Float32' | 'Float64',
  bytes: number,
  round: (value: number) => number,
): Element {
  return {
    bytes,
    fromJson: (value) => (typeof value === 'number' ? round(value) : value === null ? Number.NaN : undefined),
    read: (view, at) => view[`get${type}`](at, true),
    write: (view, at, value) => view[`set${type}`](at, value, true),
  };
}

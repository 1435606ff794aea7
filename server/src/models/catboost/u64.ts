/** A 64-bit word as two 32-bit ones (signed, as JavaScript's bit operators make them): far faster than BigInt. */
export interface U64 {
  readonly lo: number;
  readonly hi: number;
}

export const u64 = (hi: number, lo: number): U64 => ({ lo: lo | 0, hi: hi | 0 });

/** A signed 32-bit integer, sign-extended. */
export const extended = (n: number): U64 => ({ lo: n | 0, hi: n >> 31 });

export function add(a: U64, b: U64): U64 {
  const lo = (a.lo >>> 0) + (b.lo >>> 0);
  return { lo: lo | 0, hi: (a.hi + b.hi + (lo > 0xffffffff ? 1 : 0)) | 0 };
}

export function sub(a: U64, b: U64): U64 {
  const borrow = a.lo >>> 0 < b.lo >>> 0 ? 1 : 0;
  return { lo: (a.lo - b.lo) | 0, hi: (a.hi - b.hi - borrow) | 0 };
}

/** Modulo 2^64. */
export function mul(a: U64, b: U64): U64 {
  const hi = Math.imul(a.hi, b.lo) + Math.imul(a.lo, b.hi) + mulHigh(a.lo, b.lo);
  return { lo: Math.imul(a.lo, b.lo), hi: hi | 0 };
}

/** The upper half of the product of two unsigned 32-bit integers. No sum on the way is as great as 2^32. */
export function mulHigh(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const middle = (Math.imul(a1, b0) + (Math.imul(a0, b0) >>> 16)) | 0;
  const carry = (Math.imul(a0, b1) + (middle & 0xffff)) >>> 16;
  return (Math.imul(a1, b1) + (middle >>> 16) + carry) | 0;
}

export const xor = (a: U64, b: U64): U64 => ({ lo: a.lo ^ b.lo, hi: a.hi ^ b.hi });

/** Right, by 1 to 31 or 33 to 63 bits. */
export function rotate(a: U64, by: number): U64 {
  const [lo, hi] = by < 32 ? [a.lo, a.hi] : [a.hi, a.lo];
  const n = by & 31;
  return { lo: (lo >>> n) | (hi << (32 - n)), hi: (hi >>> n) | (lo << (32 - n)) };
}

/** Right, by 33 to 63 bits, filling up with zeros. */
export const shiftRight = (a: U64, by: number): U64 => ({ lo: a.hi >>> (by - 32), hi: 0 });

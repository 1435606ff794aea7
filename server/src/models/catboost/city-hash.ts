import type { U64 } from './u64.ts';
import { add, mul, rotate, shiftRight, sub, u64, xor } from './u64.ts';

const k0 = u64(0xc3a5c85c, 0x97cb3127);
const k1 = u64(0xb492b66f, 0xbe98f273);
const k2 = u64(0x9ae16a3b, 0x2f90404f);
const k3 = u64(0xc949d7c7, 0x509e6557);
const kMul = u64(0x9ddfea08, 0xeb382d69);

/**
 * CityHash64 of version 1.0.2, as CatBoost (`util/digest/city.cpp`) and ClickHouse have it; later versions of Google's
 * give other numbers. `view` holds the text's bytes from its beginning on; its length may be greater than `length`.
 */
export function cityHash64(view: DataView, length: number): U64 {
  if (length <= 16) return upTo16(view, length);
  if (length <= 32) return upTo32(view, length);
  if (length <= 64) return upTo64(view, length);
  let x = word(view, 0);
  let y = xor(word(view, length - 16), k1);
  let z = xor(word(view, length - 56), k0);
  let v = weak(view, length - 64, u64(0, length), y);
  let w = weak(view, length - 32, mul(u64(0, length), k1), k0);
  z = add(z, mul(shiftMix(v[1]), k1));
  x = mul(rotate(add(z, x), 39), k1);
  y = mul(rotate(y, 33), k1);
  const end = (length - 1) & ~63;
  for (let at = 0; at < end; at += 64) {
    x = mul(rotate(add(add(x, y), add(v[0], word(view, at + 16))), 37), k1);
    y = mul(rotate(add(add(y, v[1]), word(view, at + 48)), 42), k1);
    x = xor(x, w[1]);
    y = xor(y, v[0]);
    z = rotate(xor(z, w[0]), 33);
    v = weak(view, at, mul(v[1], k1), add(x, w[0]));
    w = weak(view, at + 32, add(z, w[1]), y);
    [x, z] = [z, x];
  }
  return of16(add(of16(v[0], w[0]), add(mul(shiftMix(y), k1), z)), add(of16(v[1], w[1]), x));
}

const word = (view: DataView, at: number): U64 => ({
  lo: view.getInt32(at, true),
  hi: view.getInt32(at + 4, true),
});

const shiftMix = (a: U64): U64 => xor(a, shiftRight(a, 47));

function of16(u: U64, v: U64): U64 {
  const a = shiftMix(mul(xor(u, v), kMul));
  return mul(shiftMix(mul(xor(v, a), kMul)), kMul);
}

function upTo16(view: DataView, length: number): U64 {
  if (length > 8) {
    const b = word(view, length - 8);
    return xor(of16(word(view, 0), rotate(add(b, u64(0, length)), length)), b);
  }
  if (length >= 4) {
    const a = view.getUint32(0, true);
    return of16(add(u64(0, length), u64(a >>> 29, a << 3)), u64(0, view.getInt32(length - 4, true)));
  }
  if (length === 0) return k2;
  const y = view.getUint8(0) + (view.getUint8(length >> 1) << 8);
  const z = length + (view.getUint8(length - 1) << 2);
  return mul(shiftMix(xor(mul(u64(0, y), k2), mul(u64(0, z), k3))), k2);
}

function upTo32(view: DataView, length: number): U64 {
  const a = mul(word(view, 0), k1);
  const b = word(view, 8);
  const c = mul(word(view, length - 8), k2);
  const d = mul(word(view, length - 16), k0);
  return of16(
    add(add(rotate(sub(a, b), 43), rotate(c, 30)), d),
    add(sub(add(a, rotate(xor(b, k3), 20)), c), u64(0, length)),
  );
}

function upTo64(view: DataView, length: number): U64 {
  const [vf, vs] = half(view, 0, 8, 16, 24, mul(add(u64(0, length), word(view, length - 16)), k0));
  const [wf, ws] = half(view, length - 32, length - 24, length - 16, length - 8, word(view, 16));
  const r = shiftMix(add(mul(add(vf, ws), k2), mul(add(wf, vs), k0)));
  return mul(shiftMix(add(mul(r, k0), vs)), k2);
}

function half(view: DataView, a0: number, a1: number, a2: number, z0: number, seed: U64): [U64, U64] {
  const z = word(view, z0);
  let a = add(word(view, a0), seed);
  let b = rotate(add(a, z), 52);
  let c = rotate(a, 37);
  a = add(a, word(view, a1));
  c = add(c, rotate(a, 7));
  a = add(a, word(view, a2));
  b = add(b, add(rotate(a, 31), c));
  return [add(a, z), b];
}

function weak(view: DataView, at: number, a: U64, b: U64): [U64, U64] {
  const z = word(view, at + 24);
  const first = add(a, word(view, at));
  const rotated = rotate(add(add(b, first), z), 21);
  const sum = add(add(first, word(view, at + 8)), word(view, at + 16));
  return [add(sum, z), add(add(rotated, rotate(sum, 44)), first)];
}

import {
  type Code,
  either,
  f64,
  give,
  i32,
  i64,
  type Local,
  type Locals,
  loopWhile,
  repeatWhile,
  select,
  step,
  wasmFunction,
  wasmModule,
  when,
} from '../wasm.ts';

/**
 * A reader of JSON's lists of numbers, as WebAssembly. A number is the nearest float64 to what its digits say: by one
 * exact operation where that is enough (Clinger 1990), else by a product with 128 bits of a power of five
 * (Lemire, "Number parsing at a gigabyte per second", 2021; why that never fails: Mushtak and Lemire, 2022).
 */

/** Powers of ten that it knows; a number beyond is for another reader. */
const leastPower = -65;
const mostPower = 65;
/** Powers of ten that float64 holds exactly. */
const exactPower = 22;
/** More digits may not fit in 64 bits. */
const mostDigits = 19;

/** Where things lie in its memory, bytes. */
export const layout = {
  /** i32: behind the last number that was read. */
  end: 0,
  /** float64: 1, 10, 100 … */
  exact: 16,
  /** 128 bits each, the upper half first: the powers of five, their highest bit set. */
  powers: 16 + 8 * (exactPower + 1),
  /** What is free. */
  free: 4096,
};

/** Function `read(at, to)`: see `numberList`. The memory is so many pages of 64 kB. */
export function numberListModule(pages: number): Uint8Array<ArrayBuffer> {
  return wasmModule(pages, [wasmFunction('read', ['i32', 'i32'], ['i32'], numberList)]);
}

/** What it needs to have in its memory. */
export function writePowers(memory: ArrayBuffer): void {
  const exact = new Float64Array(memory, layout.exact, exactPower + 1);
  for (let power = 0; power <= exactPower; power++) exact[power] = Number(`1e${power}`);
  const powers = new BigUint64Array(memory, layout.powers, 2 * (mostPower - leastPower + 1));
  for (let power = leastPower; power <= mostPower; power++) {
    const bits = powerOfFive(power);
    powers[2 * (power - leastPower)] = bits >> 64n;
    powers[2 * (power - leastPower) + 1] = bits & 0xffff_ffff_ffff_ffffn;
  }
}

/** The first 128 bits of 5^power, cut off; rounded up where it is 1 / n and n has 64 bits at most, as the paper has it. */
function powerOfFive(power: number): bigint {
  const five = 5n ** BigInt(Math.abs(power));
  const length = five.toString(2).length;
  if (power >= 0) return length <= 128 ? five << BigInt(128 - length) : five >> BigInt(length - 128);
  return (1n << BigInt(length + 127)) / five + (length <= 64 ? 1n : 0n);
}

const [plus, comma, minus, point, zero, e] = [43, 44, 45, 46, 48, 101];
const [listEnd, space] = [93, 32];
const anyCase = 32;

/**
 * Reads numbers from `at` on, behind a list's bracket, to float64s from `to` on, and says in `layout.end` where they
 * end. Returns the address behind the list's other bracket; 0: it is no list of numbers alone, or one of them is for
 * another reader. What lies behind the text must not be digits.
 */
function numberList(locals: Locals, at: Local, to: Local): Code {
  const byte = locals.new('i32');
  const isNegative = locals.new('i32');
  const value = locals.new('f64');
  const digits = locals.new('i64');
  const power = locals.new('i32');
  const here = byte.set(i32.load8(at));
  const isByte = (code: number): Code => i32.equal(byte, i32.const(code));
  const fail = give(i32.const(0));
  const skipSpace = [
    here,
    loopWhile(
      // Space, tab, line feed and carriage return.
      i32.and(
        i32.less(byte, i32.const(space + 1)),
        i32.and(
          i32.fromI64(
            i64.shiftRight(
              i64.const((1n << 32n) | (1n << 13n) | (1n << 10n) | (1n << 9n)),
              i64.fromI32(byte),
            ),
          ),
          i32.const(1),
        ),
      ),
      [step(at, 1), here],
    ),
  ];
  return [
    repeatWhile(
      [
        skipSpace,
        isNegative.set(isByte(minus)),
        when(isNegative, step(at, 1)),
        readDigits(locals, at, digits, power, fail),
        value.set(nearest(locals, digits, power, fail)),
        f64.store(to, select(f64.negated(value), value, isNegative)),
        step(to, 8),
        skipSpace,
        step(at, 1),
      ],
      isByte(comma),
    ),
    when(i32.notEqual(byte, i32.const(listEnd)), fail),
    i32.store(i32.const(layout.end), to),
    at,
  ];
}

/** Reads `-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?` behind its sign: all its digits as a whole number, times a power of ten. */
function readDigits(locals: Locals, at: Local, digits: Local, power: Local, fail: Code): Code {
  const digit = locals.new('i32');
  const from = locals.new('i32');
  const first = locals.new('i32');
  const eight = locals.new('i64');
  const exponent = locals.new('i32');
  const isLess = locals.new('i32');
  const isBelowOne = locals.new('i32');
  const look = digit.set(i32.sub(i32.load8(at), i32.const(zero)));
  const isDigit = i32.less(digit, i32.const(10));
  const isByte = (code: number): Code => i32.equal(digit, i32.const(code - zero));
  const take = [digits.set(i64.add(i64.mul(digits, i64.const(10n)), i64.fromI32(digit))), step(at, 1), look];
  const all = (pattern: bigint): Code => i64.const(pattern * 0x0101_0101_0101_0101n);
  const loadEight = eight.set(i64.load(at));
  // The upper half of each byte is 3, and still is when 6 is added to the lower.
  const areDigits = i64.equal(
    i64.or(
      i64.and(eight, all(0xf0n)),
      i64.shiftRight(i64.and(i64.add(eight, all(0x06n)), all(0xf0n)), i64.const(4n)),
    ),
    all(0x33n),
  );
  // Neighbours are put together: ones to pairs to fours to eight.
  const together = (mask: bigint, factor: bigint, shift: bigint): Code =>
    eight.set(i64.shiftRight(i64.mul(i64.and(eight, i64.const(mask)), i64.const(factor)), i64.const(shift)));
  const takeEight = [
    together(0x0f0f_0f0f_0f0f_0f0fn, 10n * 256n + 1n, 8n),
    together(0x00ff_00ff_00ff_00ffn, 100n * 65536n + 1n, 16n),
    together(0x0000_ffff_0000_ffffn, 10000n * 2n ** 32n + 1n, 32n),
    digits.set(i64.add(i64.mul(digits, i64.const(100_000_000n)), eight)),
    step(at, 8),
    loadEight,
  ];
  return [
    digits.set(i64.const(0n)),
    power.set(i32.const(0)),
    first.set(at),
    look,
    isBelowOne.set(isByte(zero)),
    either(
      isBelowOne,
      [step(at, 1), look, when(isDigit, fail)],
      [when(i32.isZero(isDigit), fail), repeatWhile(take, isDigit)],
    ),
    when(isByte(point), [
      step(at, 1),
      look,
      when(i32.isZero(isDigit), fail),
      from.set(at),
      // Digits count from the first that is not zero.
      when(isBelowOne, [loopWhile(isByte(zero), [step(at, 1), look]), first.set(at)]),
      loadEight,
      loopWhile(areDigits, takeEight),
      look,
      loopWhile(isDigit, take),
      power.set(i32.sub(from, at)),
      // The point is none.
      when(i32.less(first, from), step(first, 1)),
    ]),
    when(i32.less(i32.const(mostDigits), i32.sub(at, first)), fail),
    when(i32.equal(i32.or(i32.load8(at), i32.const(anyCase)), i32.const(e)), [
      step(at, 1),
      look,
      isLess.set(isByte(minus)),
      when(i32.or(isLess, isByte(plus)), [step(at, 1), look]),
      when(i32.isZero(isDigit), fail),
      exponent.set(i32.const(0)),
      first.set(at),
      loopWhile(isDigit, [exponent.set(i32.add(i32.mul(exponent, i32.const(10)), digit)), step(at, 1), look]),
      when(i32.less(i32.const(4), i32.sub(at, first)), fail),
      power.set(i32.add(power, select(i32.sub(i32.const(0), exponent), exponent, isLess))),
    ]),
  ];
}

/** The float64 nearest to digits × 10^power, as an expression that runs code before it. */
function nearest(locals: Locals, digits: Local, power: Local, fail: Code): Code {
  const value = locals.new('f64');
  const zeros = locals.new('i64');
  const row = locals.new('i32');
  const high = locals.new('i64');
  const low = locals.new('i64');
  const more = locals.new('i64');
  const rest = locals.new('i64');
  const upper = locals.new('i64');
  const mantissa = locals.new('i64');
  const exponent = locals.new('i32');
  const whole = f64.fromI64(digits);
  const exactOf = (one: Code): Code => f64.load(i32.shiftLeft(one, i32.const(3)), layout.exact);
  const byOneOperation = either(
    i32.lessSigned(power, i32.const(0)),
    value.set(f64.div(whole, exactOf(i32.sub(i32.const(0), power)))),
    value.set(f64.mul(whole, exactOf(power))),
  );
  const isExact = i32.and(
    i64.lessOrEqual(digits, i64.const(2n ** 53n)),
    i32.less(i32.add(power, i32.const(exactPower)), i32.const(2 * exactPower + 1)),
  );
  const byProduct = [
    when(i32.less(i32.const(mostPower - leastPower), i32.sub(power, i32.const(leastPower))), fail),
    row.set(i32.shiftLeft(i32.sub(power, i32.const(leastPower)), i32.const(4))),
    zeros.set(i64.leadingZeros(digits)),
    digits.set(i64.shiftLeft(digits, zeros)),
    product(locals, digits, i64.load(row, layout.powers), high, low),
    // What is cut off of the power may matter only where the bits that decide the rounding are all set.
    when(i64.equal(i64.and(high, i64.const(0x1ffn)), i64.const(0x1ffn)), [
      product(locals, digits, i64.load(row, layout.powers + 8), more, rest),
      low.set(i64.add(low, more)),
      high.set(i64.add(high, i64.fromI32(i64.less(low, more)))),
    ]),
    upper.set(i64.shiftRight(high, i64.const(63n))),
    mantissa.set(i64.shiftRight(high, i64.add(upper, i64.const(9n)))),
    // power × log2(10), from the bias of float64's exponent.
    exponent.set(
      i32.add(
        i32.shiftRightSigned(i32.mul(power, i32.const(152170 + 65536)), i32.const(16)),
        i32.add(i32.fromI64(i64.sub(upper, zeros)), i32.const(63 + 1023)),
      ),
    ),
    // Half way between two: to the even one.
    when(
      i32.and(
        i32.and(
          i64.lessOrEqual(low, i64.const(1n)),
          i32.less(i32.add(power, i32.const(4)), i32.const(4 + 23 + 1)),
        ),
        i32.and(
          i64.equal(i64.and(mantissa, i64.const(3n)), i64.const(1n)),
          i64.equal(i64.shiftLeft(mantissa, i64.add(upper, i64.const(9n))), high),
        ),
      ),
      mantissa.set(i64.sub(mantissa, i64.const(1n))),
    ),
    mantissa.set(i64.shiftRight(i64.add(mantissa, i64.and(mantissa, i64.const(1n))), i64.const(1n))),
    when(i64.greaterOrEqual(mantissa, i64.const(2n ** 53n)), [
      mantissa.set(i64.const(2n ** 52n)),
      step(exponent, 1),
    ]),
    value.set(
      f64.ofBits(
        i64.or(
          i64.and(mantissa, i64.const(2n ** 52n - 1n)),
          i64.shiftLeft(i64.fromI32(exponent), i64.const(52n)),
        ),
      ),
    ),
  ];
  return [
    either(i64.isZero(digits), value.set(f64.const(0)), either(isExact, byOneOperation, byProduct)),
    value,
  ];
}

/** All 128 bits of a product of 64 bits each, by halves. */
function product(locals: Locals, a: Code, b: Code, high: Local, low: Local): Code {
  const half = i64.const(0xffff_ffffn);
  const lower = (x: Code): Code => i64.and(x, half);
  const upper = (x: Code): Code => i64.shiftRight(x, i64.const(32n));
  const [a0, a1] = [locals.new('i64'), locals.new('i64')];
  const [b0, b1] = [locals.new('i64'), locals.new('i64')];
  const mid = locals.new('i64');
  return [
    a0.set(lower(a)),
    a1.set(upper(a)),
    low.set(b),
    b0.set(lower(low)),
    b1.set(upper(low)),
    low.set(i64.mul(a0, b0)),
    high.set(i64.add(i64.mul(a1, b0), upper(low))),
    mid.set(i64.add(i64.mul(a0, b1), lower(high))),
    low.set(i64.or(lower(low), i64.shiftLeft(mid, i64.const(32n)))),
    high.set(i64.add(i64.mul(a1, b1), i64.add(upper(high), upper(mid)))),
  ];
}

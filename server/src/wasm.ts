/** The part of the WebAssembly JavaScript interface that is used here; Node's types leave it to the DOM's. */
interface WasmApi {
  compile(code: Uint8Array<ArrayBuffer>): Promise<object>;
  instantiate<Exports>(module: object): Promise<{ exports: Exports }>;
  Module: new (code: Uint8Array<ArrayBuffer>) => object;
  Instance: new <Exports>(module: object) => { exports: Exports };
}
export const { WebAssembly } = globalThis as unknown as { WebAssembly: WasmApi };

/**
 * As much of WebAssembly's binary format (core specification 2.0, chapter 5) as is needed here.
 * Instructions are written as expressions: `i32.add(a, b)` is the code of a, the code of b, and the opcode.
 */
export type Code = readonly (number | Code)[];

/** A local variable of a function: as an expression it reads the variable. */
export type Local = Code & { set(value: Code): Code };

export type ValueType = 'i32' | 'i64' | 'f64' | 'bytes16';
const typeByte = { i32: 0x7f, i64: 0x7e, f64: 0x7c, bytes16: 0x7b } as const;

/** LEB128, unsigned. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const byte = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest === 0 ? byte : byte | 0x80);
  } while (rest !== 0);
  return bytes;
}

/** LEB128, signed. */
function signed(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const byte = Number(rest & 0x7fn);
    rest >>= 7n;
    const last = (rest === 0n && (byte & 0x40) === 0) || (rest === -1n && (byte & 0x40) !== 0);
    bytes.push(last ? byte : byte | 0x80);
    if (last) return bytes;
  }
}

const unary =
  (opcode: number) =>
  (a: Code): Code => [a, opcode];
const binary =
  (opcode: number) =>
  (a: Code, b: Code): Code => [a, b, opcode];
const load =
  (opcode: number, align: number) =>
  (address: Code, offset = 0): Code => [address, opcode, align, unsigned(offset)];
const store =
  (opcode: number, align: number) =>
  (address: Code, value: Code, offset = 0): Code => [address, value, opcode, align, unsigned(offset)];
/** The SIMD instructions' prefix and number. */
const simd = (opcode: number): Code => [0xfd, unsigned(opcode)];

export const i32 = {
  const: (value: number): Code => [0x41, signed(BigInt(value | 0))],
  load: load(0x28, 2),
  load8: load(0x2d, 0),
  store: store(0x36, 2),
  store8: store(0x3a, 0),
  add: binary(0x6a),
  sub: binary(0x6b),
  mul: binary(0x6c),
  and: binary(0x71),
  or: binary(0x72),
  xor: binary(0x73),
  shiftLeft: binary(0x74),
  shiftRight: binary(0x76),
  /** Keeps the sign. */
  shiftRightSigned: binary(0x75),
  equal: binary(0x46),
  notEqual: binary(0x47),
  less: binary(0x49),
  lessSigned: binary(0x48),
  greaterOrEqual: binary(0x4f),
  isZero: unary(0x45),
  /** The lower half. */
  fromI64: unary(0xa7),
  /** Toward zero; NaN is 0, what does not fit is the nearest that does. */
  fromF64: (a: Code): Code => [a, 0xfc, unsigned(2)],
};

/** Unsigned where it makes a difference. */
export const i64 = {
  const: (value: bigint): Code => [0x42, signed(BigInt.asIntN(64, value))],
  load: load(0x29, 3),
  fromI32: unary(0xad),
  add: binary(0x7c),
  sub: binary(0x7d),
  mul: binary(0x7e),
  and: binary(0x83),
  or: binary(0x84),
  shiftLeft: binary(0x86),
  shiftRight: binary(0x88),
  equal: binary(0x51),
  less: binary(0x54),
  lessOrEqual: binary(0x58),
  greaterOrEqual: binary(0x5a),
  isZero: unary(0x50),
  leadingZeros: unary(0x79),
};

export const f64 = {
  load: load(0x2b, 3),
  store: store(0x39, 3),
  const: (value: number): Code => [0x44, ...new Uint8Array(new Float64Array([value]).buffer)],
  add: binary(0xa0),
  mul: binary(0xa2),
  div: binary(0xa3),
  fromI64: unary(0xba),
  /** The number that these bits are. */
  ofBits: unary(0xbf),
  negated: unary(0x9a),
  abs: unary(0x99),
  floor: unary(0x9c),
  equal: binary(0x61),
  notEqual: binary(0x62),
  greater: binary(0x64),
  lessOrEqual: binary(0x65),
  /** Rounded to float32 and back. */
  round32: (a: Code): Code => [a, 0xb6, 0xbb],
};

/** Sixteen bytes at a time. Alignment is stated as 1, so that any address will do. */
export const bytes16 = {
  const: (bytes: readonly number[]): Code => [simd(12), bytes],
  load: (address: Code, offset = 0): Code => [address, simd(0), 0, unsigned(offset)],
  store: (address: Code, value: Code, offset = 0): Code => [address, value, simd(11), 0, unsigned(offset)],
  /** Two bytes from memory, eight times over. */
  loadPair: (address: Code, offset = 0): Code => [address, simd(8), 0, unsigned(offset)],
  /** Lane i of the result is lane `lanes[i]` of `a`. */
  pick: (a: Code, lanes: Code): Code => [a, lanes, simd(14)],
  /** `a` with one byte from memory in a lane. */
  loadLane: (address: Code, a: Code, lane: number, offset = 0): Code => [
    address,
    a,
    simd(84),
    0,
    unsigned(offset),
    lane,
  ],
  /** The lanes' highest bits, as an i32. */
  highBits: (a: Code): Code => [a, simd(100)],
  /** One byte from memory, sixteen times over. */
  loadOne: (address: Code, offset = 0): Code => [address, simd(7), 0, unsigned(offset)],
  and: (a: Code, b: Code): Code => [a, b, simd(78)],
  or: (a: Code, b: Code): Code => [a, b, simd(80)],
  xor: (a: Code, b: Code): Code => [a, b, simd(81)],
  /** Unsigned; a lane of the result has all bits set or none. */
  greaterOrEqual: (a: Code, b: Code): Code => [a, b, simd(44)],
  equal: (a: Code, b: Code): Code => [a, b, simd(35)],
};

/** `a` if `condition` is not zero, else `b`; both are evaluated. */
export const select = (a: Code, b: Code, condition: Code): Code => [a, b, condition, 0x1b];
export const when = (condition: Code, body: Code): Code => [condition, 0x04, 0x40, body, 0x0b];
export const either = (condition: Code, body: Code, other: Code): Code => [
  condition,
  0x04,
  0x40,
  body,
  0x05,
  other,
  0x0b,
];
export const give = (value: Code): Code => [value, 0x0f];
/** Runs the body once, then again as long as the condition holds. */
export const repeatWhile = (body: Code, condition: Code): Code => [
  0x03,
  0x40,
  body,
  condition,
  0x0d,
  0,
  0x0b,
];
export const loopWhile = (condition: Code, body: Code): Code => when(condition, repeatWhile(body, condition));

/** Adds a constant to a variable. */
export const step = (variable: Local, by: number): Code => variable.set(i32.add(variable, i32.const(by)));

export interface WasmFunction {
  name: string;
  params: ValueType[];
  results: ValueType[];
  locals: ValueType[];
  body: Code;
}

/** Lets a function's body declare its local variables where it first needs them. */
export class Locals {
  readonly types: ValueType[] = [];
  readonly params: Local[];

  constructor(params: ValueType[]) {
    this.params = params.map((type) => this.new(type));
  }

  new(type: ValueType): Local {
    const index = unsigned(this.types.push(type) - 1);
    return Object.assign([0x20, index], { set: (value: Code): Code => [value, 0x21, index] });
  }
}

export function wasmFunction(
  name: string,
  params: ValueType[],
  results: ValueType[],
  build: (locals: Locals, ...params: Local[]) => Code,
): WasmFunction {
  const locals = new Locals(params);
  const body = build(locals, ...locals.params);
  return { name, params, results, locals: locals.types.slice(params.length), body };
}

export const call = (index: number, ...args: Code[]): Code => [args, 0x10, unsigned(index)];

/** A module of these functions over one memory of fixed size; exports `memory` and every function. */
export function wasmModule(pages: number, functions: WasmFunction[]): Uint8Array<ArrayBuffer> {
  const text = (value: string): Code => vector([...new TextEncoder().encode(value)]);
  const types = (names: ValueType[]): Code => vector(names.map((name) => typeByte[name]));
  const body = (f: WasmFunction): Code =>
    sized([vector(f.locals.map((type) => [1, typeByte[type]])), f.body, 0x0b]);
  return Uint8Array.from(
    flat([
      [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      [1, sized(vector(functions.map((f) => [0x60, types(f.params), types(f.results)])))],
      [3, sized(vector(functions.map((_, index) => unsigned(index))))],
      [5, sized([1, 1, unsigned(pages), unsigned(pages)])],
      [
        7,
        sized(vector([[text('memory'), 2, 0], ...functions.map((f, i) => [text(f.name), 0, unsigned(i)])])),
      ],
      [10, sized(vector(functions.map(body)))],
    ]),
  );
}

const vector = (items: Code): Code => [unsigned(items.length), items];

function sized(code: Code): Code {
  const bytes = flat(code);
  return [unsigned(bytes.length), bytes];
}

function flat(code: Code, into: number[] = []): number[] {
  for (const item of code) {
    if (typeof item === 'number') into.push(item);
    else flat(item, into);
  }
  return into;
}

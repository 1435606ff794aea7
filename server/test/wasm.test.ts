import { describe, expect, it } from 'vitest';
import type { WasmFunction } from '../src/wasm.ts';
import { f64, i32, loopWhile, select, step, WebAssembly, wasmFunction, wasmModule } from '../src/wasm.ts';

type Exports = Record<string, (...args: number[]) => number>;
const run = (f: WasmFunction, ...args: number[]): number =>
  new WebAssembly.Instance<Exports>(new WebAssembly.Module(wasmModule(1, [f]))).exports[f.name]!(...args);

describe('the WebAssembly encoder', () => {
  it.each([
    0,
    1,
    -1,
    63,
    64,
    -64,
    -65,
    127,
    128,
    255,
    8191,
    8192,
    -8193,
    65535,
    2 ** 20,
    2 ** 31 - 1,
    -(2 ** 31),
  ])('encodes the constant %d', (value) => {
    expect(run(wasmFunction('f', [], ['i32'], () => i32.const(value)))).toBe(value);
  });

  it.each([0, -0, 1.5, Math.PI, 5e-324, -1e300, Infinity, Number.NaN])('encodes the constant %d', (value) => {
    expect(run(wasmFunction('f', [], ['f64'], () => f64.const(value)))).toBe(value);
  });

  it('encodes offsets of any length', () => {
    for (const offset of [0, 127, 128, 16383, 16384, 65528]) {
      const f = wasmFunction('f', ['f64'], ['f64'], (_, x) => [
        f64.store(i32.const(0), x!, offset),
        f64.load(i32.const(0), offset),
      ]);
      expect(run(f, 2.5)).toBe(2.5);
    }
  });

  it('keeps parameters and locals apart, loops and selects', () => {
    const f = wasmFunction('sumTo', ['i32', 'f64'], ['f64'], (locals, n, each) => {
      const sum = locals.new('f64');
      return [
        loopWhile(n!, [sum.set(f64.add(sum, each!)), step(n!, -1)]),
        select(sum, f64.const(-1), f64.greater(sum, f64.const(10))),
      ];
    });
    expect(run(f, 40, 0.5)).toBe(20);
    expect(run(f, 0, 0.5)).toBe(-1);
  });
});

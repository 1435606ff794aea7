import type { Code, Local, WasmFunction } from '../../wasm.ts';
import { f64, i32, loopWhile, step, wasmFunction } from '../../wasm.ts';
import type { Walking } from './code-walks.ts';

/** Numbers that are written out one after the other rather than looped over. */
const mostUnrolled = 16;

/** `addVector(out, leaf)`: adds a leaf's numbers to a row's sums. */
export function addVectorFunction({ vectors, sum }: Walking): WasmFunction {
  return wasmFunction('addVector', ['i32', 'i32'], [], (locals, out, leaf) =>
    each(vectors!.count, locals.new('i32'), [out!, leaf!], (offset) => {
      const added = f64.add(f64.load(out!, offset), f64.load(leaf!, offset));
      return f64.store(out!, sum === 'float32' ? f64.round32(added) : added, offset);
    }),
  );
}

/** `begin(out)`: what a row's sums begin with. */
export function beginFunction({ vectors }: Walking): WasmFunction {
  return wasmFunction('begin', ['i32'], [], (locals, out) => {
    const from = locals.new('i32');
    return [
      from.set(i32.const(vectors!.start)),
      each(vectors!.count, locals.new('i32'), [out!, from], (offset) =>
        f64.store(out!, f64.load(from, offset), offset),
      ),
    ];
  });
}

/** `body` for each of so many numbers, `pointers` being moved along where they are many. */
function each(count: number, left: Local, pointers: Local[], body: (offset: number) => Code): Code {
  const some = (numbers: number): Code => Array.from({ length: numbers }, (_, k) => body(8 * k));
  const rounds = Math.floor(count / mostUnrolled);
  if (rounds <= 1) return some(count);
  return [
    left.set(i32.const(rounds)),
    loopWhile(left, [
      some(mostUnrolled),
      pointers.map((pointer) => step(pointer, 8 * mostUnrolled)),
      step(left, -1),
    ]),
    some(count % mostUnrolled),
  ];
}

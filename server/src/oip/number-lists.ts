import { isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { layout, numberListModule, writePowers } from './number-list-code.ts';

/** Of shorter texts and lists `JSON.parse` makes short work. */
const leastBytes = 2048;
const leastNumbers = 64;
/** Longer texts are read beside the event loop, where time matters less than memory. */
const mostBytes = 256 * 1024;
/** Of text that is no such list, so much is looked at. */
const mostBeside = 4096;
/** Behind the text, so that nothing there is taken for a part of it. */
const margin = 16;

const pageBytes = 65536;
const textAt = layout.free;
const numbersAt = textAt + mostBytes + margin;
/** A number and its comma are two bytes at least. */
const pages = Math.ceil((numbersAt + (mostBytes / 2) * Float64Array.BYTES_PER_ELEMENT) / pageBytes);

const [quote, listStart, backslash] = [34, 91, 92];

/** JSON without its long lists of numbers: a text stands for each, which nobody else can know. */
export interface WithoutLists {
  text: string;
  /** By the text that stands for them. Good until the next text is read. */
  lists: Map<string, Float64Array>;
}

interface Reader {
  memory: { buffer: ArrayBuffer };
  read(at: number, to: number): number;
}

/** The part of the WebAssembly JavaScript interface that is used here; Node's types leave it to the DOM's. */
interface WasmApi {
  Module: new (code: Uint8Array<ArrayBuffer>) => object;
  Instance: new (module: object) => { exports: Reader };
}
const { WebAssembly } = globalThis as unknown as { WebAssembly: WasmApi };

let reader: Reader | null = null;
const secret = randomBytes(16).toString('hex');

/**
 * Takes the long lists of numbers out of a JSON text, each number as `JSON.parse` reads it, in a third of the time. null:
 * there are none, or none that this can read. The rest is not looked at but for strings, in which brackets mean nothing:
 * where it is JSON, so is the whole, unless a list stood where only a string may.
 */
export function withoutLists(bytes: Buffer): WithoutLists | null {
  if (bytes.length < leastBytes || bytes.length > mostBytes || !isUtf8(bytes)) return null;
  reader ??= newReader();
  const memory = new Uint8Array(reader.memory.buffer);
  memory.set(bytes, textAt);
  memory.fill(0, textAt + bytes.length, textAt + bytes.length + margin);
  const ends = new Int32Array(reader.memory.buffer, layout.end, 1);
  const lists: WithoutLists['lists'] = new Map();
  let text = '';
  let [from, beside] = [0, 0];
  let to = numbersAt;
  for (let at = 0; at < bytes.length; at++, beside++) {
    if (beside > mostBeside) return null;
    const byte = bytes[at]!;
    if (byte === quote) {
      const end = stringEnd(bytes, at);
      if (end < 0) return null;
      beside += end - at;
      at = end;
    } else if (byte === listStart) {
      const end = reader.read(textAt + at + 1, to) - textAt;
      const count = (ends[0]! - to) / Float64Array.BYTES_PER_ELEMENT;
      if (end < 0 || count < leastNumbers) continue;
      const name = `${secret}${lists.size}`;
      lists.set(name, new Float64Array(reader.memory.buffer, to, count));
      text += `${bytes.toString('utf8', from, at)}"${name}"`;
      to = ends[0]!;
      at = end - 1;
      from = end;
    }
  }
  return lists.size === 0 ? null : { text: text + bytes.toString('utf8', from), lists };
}

/** Where a string ends that begins at `at`: its last quote; -1: it does not. */
function stringEnd(bytes: Buffer, at: number): number {
  let end = at;
  let slashes: number;
  do {
    end = bytes.indexOf(quote, end + 1);
    if (end < 0) return -1;
    slashes = 0;
    while (bytes[end - 1 - slashes] === backslash) slashes++;
  } while (slashes % 2 === 1);
  return end;
}

function newReader(): Reader {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(numberListModule(pages)));
  writePowers(exports.memory.buffer);
  return exports;
}

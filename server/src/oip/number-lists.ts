import { isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { WebAssembly } from '../wasm.ts';
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

const [quote, comma, listStart, backslash, listEnd] = [34, 44, 91, 92, 93];

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

let reader: Reader | null = null;
const secret = randomBytes(16).toString('hex');

/**
 * Takes the long lists of numbers out of a JSON text, and lists of such lists as one, each number as `JSON.parse` reads
 * it, in a third of the time. null: there are none, or none that this can read. The rest is not looked at but for
 * strings, in which brackets mean nothing: where it is JSON, so is the whole, unless a list stood where only a string may.
 */
export function withoutLists(bytes: Buffer): WithoutLists | null {
  if (bytes.length < leastBytes || bytes.length > mostBytes || !isUtf8(bytes)) return null;
  reader ??= newReader();
  const memory = new Uint8Array(reader.memory.buffer);
  memory.set(bytes, textAt);
  memory.fill(0, textAt + bytes.length, textAt + bytes.length + margin);
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
      const { end, numbersEnd } = listAt(reader, bytes, at, to);
      const count = (numbersEnd - to) / Float64Array.BYTES_PER_ELEMENT;
      if (end < 0 || count < leastNumbers) continue;
      const name = `${secret}${lists.size}`;
      lists.set(name, new Float64Array(reader.memory.buffer, to, count));
      text += `${bytes.toString('utf8', from, at)}"${name}"`;
      to = numbersEnd;
      at = end - 1;
      from = end;
    }
  }
  return lists.size === 0 ? null : { text: text + bytes.toString('utf8', from), lists };
}

/** A list of numbers, or of lists of them, that begins at `at`: where it ends, and where its numbers do; end -1: it is none. */
function listAt(
  { memory, read }: Reader,
  bytes: Buffer,
  at: number,
  to: number,
): { end: number; numbersEnd: number } {
  const none = { end: -1, numbersEnd: to };
  const ends = new Int32Array(memory.buffer, layout.end, 1);
  let inner = pastSpace(bytes, at + 1);
  if (bytes[inner] !== listStart) {
    const end = read(textAt + at + 1, to);
    return end === 0 ? none : { end: end - textAt, numbersEnd: ends[0]! };
  }
  let numbersEnd = to;
  for (;;) {
    const end = bytes[inner] === listStart ? read(textAt + inner + 1, numbersEnd) : 0;
    if (end === 0) return none;
    numbersEnd = ends[0]!;
    const next = pastSpace(bytes, end - textAt);
    if (bytes[next] === listEnd) return { end: next + 1, numbersEnd };
    if (bytes[next] !== comma) return none;
    inner = pastSpace(bytes, next + 1);
  }
}

function pastSpace(bytes: Buffer, from: number): number {
  let at = from;
  while (isSpace(bytes[at])) at++;
  return at;
}

/** As JSON has it (RFC 8259, 2). */
function isSpace(byte: number | undefined): boolean {
  return byte === 32 || byte === 10 || byte === 13 || byte === 9;
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
  const { exports } = new WebAssembly.Instance<Reader>(new WebAssembly.Module(numberListModule(pages)));
  writePowers(exports.memory.buffer);
  return exports;
}

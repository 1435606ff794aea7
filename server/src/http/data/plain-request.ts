const [tab, lf, cr, space, colon] = [9, 10, 13, 32, 58];
/** Where predictions are asked for. */
const paths = [
  Buffer.from('POST /predict/'),
  Buffer.from('POST /v2/models/'),
  Buffer.from('POST /v1/models/'),
];
const version = Buffer.from(' HTTP/1.1\r\n');
const contentLength = Buffer.from('content-length');
/** Headers that say more of a connection than a body's length: whoever sends one is not plain. */
const special = ['connection', 'transfer-encoding', 'expect', 'upgrade', 'trailer'].map((name) =>
  Buffer.from(name),
);
/** By first letter and length: what may be one of those, which most headers are not. */
const isNotable = new Uint8Array(256 * 32);
for (const name of [contentLength, ...special]) isNotable[32 * name[0]! + name.length] = 1;
const keepAlive = Buffer.from('keep-alive');
/** ASCII letters differ by it from their capitals. */
const anyCase = 32;
/** What a header's name is made of (RFC 9110, 5.6.2). */
const isToken = new Uint8Array(256);
for (const letter of Buffer.from(
  "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
))
  isToken[letter] = 1;

export interface PlainRequest {
  /** The length of its head, bytes. */
  head: number;
  /** Bytes of its body that are still to come. */
  left: number;
}

/**
 * The request that some bytes are, or begin with all of its head in them: for predictions, and plain, with one body,
 * whose length is said once. null: they are something else, or more than that, or need more than a look. Stricter than
 * node:http, never more lenient, because readers that disagree about where a request ends are what request smuggling
 * lives on (RFC 9112, 11.2).
 */
export function plainRequest(chunk: Uint8Array): PlainRequest | null {
  if (!paths.some((path) => isAt(chunk, path, 0, 0))) return null;
  let at = paths[0]!.length;
  while (chunk[at]! > space && chunk[at]! < 127) at++;
  if (!isAt(chunk, version, at, 0)) return null;
  at += version.length;
  let body = -1;
  while (chunk[at] !== cr) {
    const name = at;
    while (isToken[chunk[at]!] === 1) at++;
    const nameLength = at - name;
    if (nameLength === 0 || chunk[at] !== colon) return null;
    at++;
    while (chunk[at] === space || chunk[at] === tab) at++;
    const value = at;
    while (chunk[at]! >= space || chunk[at] === tab) at++;
    if (chunk[at] !== cr || chunk[at + 1] !== lf) return null;
    if (nameLength < 32 && isNotable[32 * (chunk[name]! | 32) + nameLength] === 1) {
      if (isAt(chunk, contentLength, name, anyCase)) {
        if (body >= 0) return null;
        body = count(chunk, value, at);
        if (body < 0) return null;
      } else if (isAt(chunk, special[0]!, name, anyCase)) {
        if (at - value !== keepAlive.length || !isAt(chunk, keepAlive, value, anyCase)) return null;
      } else if (special.some((one) => isAt(chunk, one, name, anyCase))) return null;
    }
    at += 2;
  }
  const left = at + 2 + body - chunk.length;
  return chunk[at + 1] === lf && body >= 0 && left >= 0 ? { head: at + 2, left } : null;
}

/** Whether some text stands there. */
function isAt(chunk: Uint8Array, text: Uint8Array, at: number, mask: number): boolean {
  for (let k = 0; k < text.length; k++) if ((chunk[at + k]! | mask) !== text[k]) return false;
  return true;
}

/** Digits alone; -1: it is no such number, or no body that anybody would take. */
function count(chunk: Uint8Array, from: number, to: number): number {
  if (to === from || to - from > 10) return -1;
  let number = 0;
  for (let at = from; at < to; at++) {
    const digit = chunk[at]! - 48;
    if (digit < 0 || digit > 9) return -1;
    number = 10 * number + digit;
  }
  return number;
}

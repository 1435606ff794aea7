/** CRC-32C (Castagnoli), reflected, sixteen bytes a step (slicing-by-16). */
const polynomial = 0x82f63b78;
const stepBytes = 16;
const tables = makeTables();

/** Table k, at k * 256: what a byte becomes with k more bytes behind it in the step. */
function makeTables(): Int32Array {
  const all = new Int32Array(stepBytes * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    all[byte] = crc;
  }
  for (let i = 256; i < all.length; i++) {
    const before = all[i - 256]!;
    all[i] = all[before & 255]! ^ (before >>> 8);
  }
  return all;
}

/** Four bytes, the first of which is looked up in the table at `at` + 768. */
function word(bytes: number, at: number): number {
  return (
    tables[at + 768 + (bytes & 255)]! ^
    tables[at + 512 + ((bytes >>> 8) & 255)]! ^
    tables[at + 256 + ((bytes >>> 16) & 255)]! ^
    tables[at + (bytes >>> 24)]!
  );
}

/** Checksum of the view's bytes [from, to). */
export function crc32c(view: DataView, from: number, to: number): number {
  let crc = ~0;
  let i = from;
  for (; i + stepBytes <= to; i += stepBytes) {
    crc =
      word(crc ^ view.getInt32(i, true), 3072) ^
      word(view.getInt32(i + 4, true), 2048) ^
      word(view.getInt32(i + 8, true), 1024) ^
      word(view.getInt32(i + 12, true), 0);
  }
  for (; i < to; i++) crc = tables[(crc ^ view.getUint8(i)) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/**
 * Checksum of two pieces together: of the checksum of each, and the length of the second. As in zlib's `crc32_combine`:
 * the first one's is moved up by as many zero bits, which is to multiply it by x^bits modulo the polynomial.
 */
export function crc32cJoined(first: number, second: number, secondBytes: number): number {
  let moved = first;
  // x^8, then its squares.
  for (let power = 1 << 23, bytes = secondBytes; bytes > 0; bytes = Math.floor(bytes / 2)) {
    if (bytes % 2 === 1) moved = product(moved, power);
    power = product(power, power);
  }
  return (moved ^ second) >>> 0;
}

/** Of two polynomials over bits modulo the checksum's; the highest bit is x^0. */
function product(a: number, b: number): number {
  let sum = 0;
  for (let bit = 31, shifted = b; bit >= 0; bit--) {
    if ((a >>> bit) & 1) sum ^= shifted;
    shifted = shifted & 1 ? (shifted >>> 1) ^ polynomial : shifted >>> 1;
  }
  return sum;
}

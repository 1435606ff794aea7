/** CRC-32C (Castagnoli), reflected polynomial 0x82f63b78, sixteen bytes a step (slicing-by-16). */
const stepBytes = 16;
const tables = makeTables();

/** Table k, at k * 256: what a byte becomes with k more bytes behind it in the step. */
function makeTables(): Int32Array {
  const all = new Int32Array(stepBytes * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
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

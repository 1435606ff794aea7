/** CRC-32C (Castagnoli), reflected polynomial 0x82f63b78, four bytes a step (slicing-by-4). */
const tables = makeTables();

function makeTables(): Uint32Array[] {
  const first = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    first[byte] = crc >>> 0;
  }
  const all = [first];
  for (let k = 1; k < 4; k++) {
    const before = all[k - 1]!;
    all.push(Uint32Array.from(before, (crc) => first[crc & 255]! ^ (crc >>> 8)));
  }
  return all;
}

const [t0, t1, t2, t3] = tables as [Uint32Array, Uint32Array, Uint32Array, Uint32Array];

/** Checksum of bytes[from, to). */
export function crc32c(bytes: Uint8Array, from: number, to: number): number {
  let crc = ~0;
  let i = from;
  for (; i + 4 <= to; i += 4) {
    crc ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    crc = t3[crc & 255]! ^ t2[(crc >>> 8) & 255]! ^ t1[(crc >>> 16) & 255]! ^ t0[crc >>> 24]!;
  }
  for (; i < to; i++) crc = t0[(crc ^ bytes[i]!) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

import { crc32, deflateRawSync } from 'node:zlib';

/** Zip archives written by hand, for what no archiver would write (APPNOTE 6.3, sections 4.3.7, 4.3.12, 4.3.16). */
export interface ZipEntry {
  name: string;
  content: Uint8Array | string;
  /** POSIX mode with its file type. */
  mode?: number;
  flags?: number;
  /** In place of the right ones. */
  crc?: number;
  size?: number;
}

const deflated = 8;
const madeByUnix = 3 << 8;
const utf8Names = 0x800;

export function zipFile(entries: ZipEntry[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content, mode = 0o100644, flags = utf8Names, crc, size } of entries) {
    const bytes = Buffer.from(content);
    const packed = deflateRawSync(bytes);
    const title = Buffer.from(name);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(flags, 2);
    common.writeUInt16LE(deflated, 4);
    common.writeUInt32LE(crc ?? crc32(bytes), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(size ?? bytes.length, 18);
    common.writeUInt16LE(title.length, 22);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE((mode << 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, title, packed]);
    const made = Buffer.alloc(2);
    made.writeUInt16LE(madeByUnix | 20);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02'), made, common, tail, title]));
    parts.push(local);
    offset += local.length;
  }
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 4);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(
    directory.reduce((sum, one) => sum + one.length, 0),
    8,
  );
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, ...directory, Buffer.from('PK\x05\x06'), end]);
}

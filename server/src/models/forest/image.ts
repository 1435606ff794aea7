import { SlipwayError } from '../../errors.ts';

/** What a module's memory shall begin as: grows as tables are taken, little-endian as WebAssembly reads it. */
export class Image {
  /** Bytes taken; every table begins at a multiple of 64, and none at 0. */
  end = 64;
  private readonly most: number;
  private view = new DataView(new ArrayBuffer(65536));

  constructor(most: number) {
    this.most = most;
  }

  /** The address of so many zero bytes. Throws FILE_UNSUPPORTED past the limit. */
  take(bytes: number): number {
    const at = this.reserve(bytes);
    if (this.end > this.view.byteLength) {
      const larger = new Uint8Array(Math.min(this.most, Math.max(this.end, 2 * this.view.byteLength)));
      larger.set(new Uint8Array(this.view.buffer));
      this.view = new DataView(larger.buffer);
    }
    return at;
  }

  /** An address for memory that is no part of the image, because nothing is in it yet. */
  reserve(bytes: number): number {
    const at = this.end;
    const end = at + Math.ceil(bytes / 64) * 64;
    if (end > this.most) {
      throw new SlipwayError(
        'FILE_UNSUPPORTED',
        `Compiled, the trees would take more than ${Math.floor(this.most / 2 ** 20)} MiB of memory.`,
        'Train with fewer or smaller trees, or with fewer distinct category codes.',
      );
    }
    this.end = end;
    return at;
  }

  u8(address: number, value: number): void {
    this.view.setUint8(address, value);
  }

  u32(address: number, value: number): void {
    this.view.setUint32(address, value, true);
  }

  f64(address: number, value: number): void {
    this.view.setFloat64(address, value, true);
  }

  fill(from: number, to: number, byte: number): void {
    new Uint8Array(this.view.buffer).fill(byte, from, to);
  }

  flipBit(address: number, bit: number): void {
    const at = address + (bit >>> 3);
    this.view.setUint8(at, this.view.getUint8(at) ^ (1 << (bit & 7)));
  }

  /** Writes the first `bytes` at the address again and again, `times` in all. */
  repeat(address: number, bytes: number, times: number): void {
    const all = new Uint8Array(this.view.buffer, address, bytes * times);
    for (let done = bytes; done < all.length; done *= 2)
      all.copyWithin(done, 0, Math.min(done, all.length - done));
  }

  bytes(): Uint8Array {
    return new Uint8Array(this.view.buffer, 0, this.end);
  }
}

import type { Refusals } from './refusals.ts';

/**
 * As much of FlatBuffers' wire format (flatbuffers.dev, "FlatBuffers binary format") as reading takes: every offset
 * and length is checked against the bytes that are there, and all that is read together is bounded by their number.
 */
export class FlatBuffer {
  readonly view: DataView;
  private readonly place: string;
  private readonly refusals: Refusals;
  /** Parts may be shared, but a file that is read many times over is no honest one. */
  private left: number;

  constructor(bytes: Uint8Array, place: string, refusals: Refusals) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.place = place;
    this.refusals = refusals;
    this.left = 1024 + 16 * bytes.length;
  }

  root(): FlatTable {
    return this.table(this.follow(0));
  }

  fail(why: string): never {
    return this.refusals.broken(this.place, why);
  }

  /** Fails unless so many bytes are there. */
  check(at: number, bytes: number): void {
    if (at < 0 || bytes > this.view.byteLength - at) this.fail('it leads beyond its end');
    this.left -= bytes;
    if (this.left < 0) this.fail('its parts lead to each other again and again');
  }

  follow(at: number): number {
    this.check(at, 4);
    return at + this.view.getUint32(at, true);
  }

  table(at: number): FlatTable {
    this.check(at, 4);
    return new FlatTable(this, at);
  }

  /** Where a vector's items begin, and how many there are. */
  vector(at: number, itemBytes: number): { from: number; length: number } {
    this.check(at, 4);
    const length = this.view.getUint32(at, true);
    this.check(at + 4, length * itemBytes);
    return { from: at + 4, length };
  }
}

/** `slot`: the field's place in the schema's table. Fields that are absent have their default. */
export class FlatTable {
  private readonly buffer: FlatBuffer;
  private readonly at: number;
  private readonly slots: number;
  private readonly vtable: number;

  constructor(buffer: FlatBuffer, at: number) {
    this.buffer = buffer;
    this.at = at;
    this.vtable = at - buffer.view.getInt32(at, true);
    buffer.check(this.vtable, 4);
    const bytes = buffer.view.getUint16(this.vtable, true);
    buffer.check(this.vtable, bytes);
    this.slots = (bytes - 4) / 2;
  }

  int8(slot: number, absent: number): number {
    return this.scalar(slot, 1, absent, (view, at) => view.getInt8(at));
  }

  int32(slot: number, absent: number): number {
    return this.scalar(slot, 4, absent, (view, at) => view.getInt32(at, true));
  }

  float32(slot: number, absent: number): number {
    return this.scalar(slot, 4, absent, (view, at) => view.getFloat32(at, true));
  }

  float64(slot: number, absent: number): number {
    return this.scalar(slot, 8, absent, (view, at) => view.getFloat64(at, true));
  }

  text(slot: number): string {
    const bytes = this.bytes(slot);
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch {
      return this.buffer.fail('a text is not UTF-8');
    }
  }

  bytes(slot: number): Uint8Array {
    const { from, length } = this.vector(slot, 1);
    const { view } = this.buffer;
    return new Uint8Array(view.buffer, view.byteOffset + from, length);
  }

  int32s(slot: number): Int32Array {
    const { from, length } = this.vector(slot, 4);
    return Int32Array.from({ length }, (_, k) => this.buffer.view.getInt32(from + 4 * k, true));
  }

  float32s(slot: number): Float64Array {
    const { from, length } = this.vector(slot, 4);
    return Float64Array.from({ length }, (_, k) => this.buffer.view.getFloat32(from + 4 * k, true));
  }

  float64s(slot: number): Float64Array {
    const { from, length } = this.vector(slot, 8);
    return Float64Array.from({ length }, (_, k) => this.buffer.view.getFloat64(from + 8 * k, true));
  }

  /** A vector of structs: `read` gets each one's address. */
  structs<T>(slot: number, bytes: number, read: (view: DataView, at: number) => T): T[] {
    const { from, length } = this.vector(slot, bytes);
    return Array.from({ length }, (_, k) => read(this.buffer.view, from + bytes * k));
  }

  table(slot: number): FlatTable {
    const at = this.field(slot, 4) ?? this.buffer.fail('a part that must be there is missing');
    return this.buffer.table(this.buffer.follow(at));
  }

  tables(slot: number): FlatTable[] {
    const { from, length } = this.vector(slot, 4);
    return Array.from({ length }, (_, k) => this.buffer.table(this.buffer.follow(from + 4 * k)));
  }

  texts(slot: number): string[] {
    const { from, length } = this.vector(slot, 4);
    return Array.from({ length }, (_, k) => {
      const text = this.buffer.vector(this.buffer.follow(from + 4 * k), 1);
      const { view } = this.buffer;
      return Buffer.from(view.buffer, view.byteOffset + text.from, text.length).toString('utf8');
    });
  }

  has(slot: number): boolean {
    return this.field(slot, 0) !== null;
  }

  private vector(slot: number, itemBytes: number): { from: number; length: number } {
    const at = this.field(slot, 4);
    return at === null ? { from: 0, length: 0 } : this.buffer.vector(this.buffer.follow(at), itemBytes);
  }

  private scalar(
    slot: number,
    bytes: number,
    absent: number,
    read: (view: DataView, at: number) => number,
  ): number {
    const at = this.field(slot, bytes);
    return at === null ? absent : read(this.buffer.view, at);
  }

  private field(slot: number, bytes: number): number | null {
    if (slot >= this.slots) return null;
    const offset = this.buffer.view.getUint16(this.vtable + 4 + 2 * slot, true);
    if (offset === 0) return null;
    this.buffer.check(this.at + offset, bytes);
    return this.at + offset;
  }
}

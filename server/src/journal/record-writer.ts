import type { LabelEvent, PredictionEvent } from '../events.ts';
import { crc32c, crc32cJoined } from './crc32c.ts';
import { flag, formatVersion, frameBytes, labelFlag, recordType, traceBytes } from './record.ts';

/** Up to so many numbers are faster written one by one than copied as bytes (little endian, as the machines that this runs on). */
const fewFloats = 30;

/** What a prediction's record ends with: its rows and what was answered. */
export type RecordRows = Pick<PredictionEvent, 'values' | 'texts' | 'answers' | 'answerTexts'>;

/** The same as it stands in the record: made elsewhere, where it would take long. */
export interface PackedRows {
  /** null: they lie in a file of their own (Appender.adopt). */
  bytes: Uint8Array<ArrayBuffer> | null;
  length: number;
  /** CRC-32C of the bytes. */
  checksum: number;
  hasTexts: boolean;
  hasAnswerTexts: boolean;
}

export function packRows(rows: RecordRows): PackedRows {
  const writer = new RecordWriter(roomOf(rows));
  writer.rows(rows);
  const { bytes, length } = writer;
  return {
    bytes: bytes.subarray(0, length),
    length,
    checksum: crc32c(new DataView(bytes.buffer), 0, length),
    hasTexts: rows.texts.length > 0,
    hasAnswerTexts: rows.answerTexts.length > 0,
  };
}

/** A growing buffer that records are framed into, one after another. */
export class RecordWriter {
  bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  /** Bytes in the buffer since `clear`. */
  #used = 0;
  #frame = 0;
  /** Rows that are not copied into the buffer: each stands in the file before the buffer's byte at `at`. */
  #packed: { at: number; bytes: Uint8Array }[] = [];
  #packedBytes = 0;

  constructor(room = 1 << 16) {
    this.bytes = new Uint8Array(room);
    this.#view = new DataView(this.bytes.buffer);
  }

  /** Bytes written since `clear`. */
  get length(): number {
    return this.#used + this.#packedBytes;
  }

  clear(): void {
    this.#used = 0;
    this.#packed = [];
    this.#packedBytes = 0;
  }

  /** All that was written since `clear`, in its order. */
  pieces(): Uint8Array[] {
    if (this.#packed.length === 0) return [this.bytes.subarray(0, this.#used)];
    const pieces: Uint8Array[] = [];
    let from = 0;
    for (const { at, bytes } of this.#packed) {
      pieces.push(this.bytes.subarray(from, at), bytes);
      from = at;
    }
    if (from < this.#used) pieces.push(this.bytes.subarray(from, this.#used));
    return pieces;
  }

  /** `padding`: spaces behind it. */
  json(type: number, value: unknown, padding = 0): void {
    const text = Buffer.from(JSON.stringify(value) + ' '.repeat(padding));
    this.#begin(type, text.length);
    this.bytes.set(text, this.#used);
    this.#used += text.length;
    this.#end();
  }

  /** `packed`: its rows, where they are made already; those of the event are not looked at then. */
  prediction(event: PredictionEvent, binding: number, packed: PackedRows | null = null): void {
    const { rows, texts, answerTexts } = event;
    const { subject, key, failure } = event;
    const room = 116 + 3 * ((subject?.length ?? 0) + (key?.length ?? 0) + (failure?.length ?? 0));
    this.#begin(recordType.prediction, packed ? room : room + roomOf(event));
    this.bytes.set(event.id, this.#used);
    const view = this.#view;
    const at = this.#used + 16;
    view.setUint16(at, binding, true);
    view.setUint8(
      at + 2,
      (event.role === 'shadow' ? flag.shadow : 0) |
        (subject === null ? 0 : flag.subject) |
        (key === null ? 0 : flag.key) |
        ((packed ? packed.hasTexts : texts.length > 0) ? flag.texts : 0) |
        ((packed ? packed.hasAnswerTexts : answerTexts.length > 0) ? flag.answerTexts : 0) |
        (event.trace === null ? 0 : flag.trace) |
        (failure === null ? 0 : flag.failure),
    );
    view.setUint8(at + 3, 0);
    view.setUint32(at + 4, rows, true);
    view.setUint32(at + 8, event.update, true);
    view.setUint32(at + 12, event.snapshot, true);
    view.setUint32(at + 16, event.imputed, true);
    view.setFloat64(at + 20, event.at, true);
    view.setFloat64(at + 28, event.propensity, true);
    view.setFloat64(at + 36, event.latency, true);
    this.#used = at + 44;
    if (event.trace !== null) this.#traceId(event.trace);
    if (subject !== null) this.#text(subject);
    if (key !== null) this.#text(key);
    if (failure !== null) this.#text(failure);
    if (!packed) this.rows(event);
    this.#end(packed);
    if (!packed?.bytes) return;
    this.#packed.push({ at: this.#used, bytes: packed.bytes });
    this.#packedBytes += packed.length;
  }

  /** There must be room for them. */
  rows({ values, texts, answers, answerTexts }: RecordRows): void {
    if (texts.length > 0) this.#texts(texts);
    if (answerTexts.length > 0) this.#texts(answerTexts);
    this.#floats(values);
    this.#floats(answers);
  }

  label(event: LabelEvent): void {
    const isText = typeof event.label === 'string';
    const room =
      80 +
      3 *
        ((event.key?.length ?? 0) +
          (event.model?.length ?? 0) +
          (isText ? (event.label as string).length : 0));
    this.#begin(recordType.label, room);
    this.bytes.set(event.id, this.#used);
    const at = this.#used + 16;
    this.#view.setUint8(
      at,
      (event.prediction ? labelFlag.prediction : 0) |
        (event.key === null ? 0 : labelFlag.key) |
        (event.model === null ? 0 : labelFlag.model) |
        (isText ? labelFlag.text : 0),
    );
    this.#view.setFloat64(at + 1, event.at, true);
    this.#used = at + 9;
    if (event.prediction) {
      this.bytes.set(event.prediction.id, this.#used);
      this.#view.setUint32(this.#used + 16, event.prediction.row, true);
      this.#used += 20;
    }
    if (event.key !== null) this.#text(event.key);
    if (event.model !== null) this.#text(event.model);
    if (isText) this.#text(event.label as string);
    else {
      this.#view.setFloat64(this.#used, event.label as number, true);
      this.#used += 8;
    }
    this.#end();
  }

  /** 16 bytes. */
  #traceId(digits: string): void {
    Buffer.from(this.bytes.buffer, this.#used, traceBytes).write(digits, 'hex');
    this.#used += traceBytes;
  }

  /** u32 count, then each. */
  #texts(texts: string[]): void {
    this.#view.setUint32(this.#used, texts.length, true);
    this.#used += 4;
    for (const text of texts) this.#text(text);
  }

  /** u32 length, then UTF-8. */
  #text(text: string): void {
    const written = Buffer.from(this.bytes.buffer, this.#used + 4).write(text, 'utf8');
    this.#view.setUint32(this.#used, written, true);
    this.#used += 4 + written;
  }

  #floats(values: Float64Array): void {
    const { length } = values;
    if (length > fewFloats) {
      this.bytes.set(new Uint8Array(values.buffer, values.byteOffset, 8 * length), this.#used);
    } else {
      for (let i = 0; i < length; i++) this.#view.setFloat64(this.#used + 8 * i, values[i]!, true);
    }
    this.#used += 8 * length;
  }

  #begin(type: number, room: number): void {
    const needed = this.#used + frameBytes + room;
    if (needed > this.bytes.length) {
      const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2));
      larger.set(this.bytes.subarray(0, this.#used));
      this.bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.#frame = this.#used;
    this.bytes[this.#used + 8] = type;
    this.bytes[this.#used + 9] = formatVersion;
    this.#used += frameBytes;
  }

  /** `packed`: what else belongs to the record. */
  #end(packed: PackedRows | null = null): void {
    const length = this.#used - this.#frame - frameBytes;
    const checksum = crc32c(this.#view, this.#frame + 8, this.#used);
    this.#view.setUint32(this.#frame, length + (packed?.length ?? 0), true);
    const whole = packed ? crc32cJoined(checksum, packed.checksum, packed.length) : checksum;
    this.#view.setUint32(this.#frame + 4, whole, true);
  }
}

/** Bytes that rows take in a record at most. */
function roomOf({ values, texts, answers, answerTexts }: RecordRows): number {
  let room = 8 + 8 * (values.length + answers.length);
  for (const text of texts) room += 4 + 3 * text.length;
  for (const text of answerTexts) room += 4 + 3 * text.length;
  return room;
}

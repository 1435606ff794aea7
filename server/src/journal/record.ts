import type { JournalEvent, LabelEvent, PredictionEvent } from '../events.ts';
import { crc32c } from './crc32c.ts';

/**
 * Records of a segment file, little-endian:
 * `u32 payload length | u32 CRC-32C of all that follows | u8 type | u8 format version | payload`.
 */
export const frameBytes = 10;
export const formatVersion = 1;
/** Longer than any record that a lane may write: a length beyond it is damage. */
export const payloadLimit = 256 * 1024 * 1024;

export const recordType = { header: 1, binding: 2, prediction: 3, label: 4, footer: 5 } as const;

/** What is the same for every prediction of one version: written once a segment, then referred to by number. */
export interface Binding {
  number: number;
  model: string;
  version: number;
  rollout: string | null;
  features: string[];
  /** Answer columns a row. */
  width: number;
}

const flag = { shadow: 1, subject: 2, key: 4, texts: 8, answerTexts: 16, trace: 32, failure: 64 } as const;
const labelFlag = { prediction: 1, key: 2, model: 4, text: 8 } as const;

const traceBytes = 16;

/** Up to so many numbers are faster written one by one than copied as bytes (little endian, as the machines that this runs on). */
const fewFloats = 30;

/** A growing buffer that records are framed into, one after another. */
export class RecordWriter {
  bytes: Uint8Array = new Uint8Array(1 << 16);
  #view = new DataView(this.bytes.buffer);
  /** Bytes written since `clear`. */
  length = 0;
  #frame = 0;

  clear(): void {
    this.length = 0;
  }

  json(type: number, value: unknown): void {
    const text = Buffer.from(JSON.stringify(value));
    this.#begin(type, text.length);
    this.bytes.set(text, this.length);
    this.length += text.length;
    this.#end();
  }

  prediction(event: PredictionEvent, binding: number): void {
    const { rows, values, answers, texts, answerTexts } = event;
    let room = 116 + 8 * (values.length + answers.length);
    room += 3 * ((event.subject?.length ?? 0) + (event.key?.length ?? 0) + (event.failure?.length ?? 0));
    for (const text of texts) room += 4 + 3 * text.length;
    for (const text of answerTexts) room += 4 + 3 * text.length;
    this.#begin(recordType.prediction, room);
    this.bytes.set(event.id, this.length);
    const view = this.#view;
    const at = this.length + 16;
    view.setUint16(at, binding, true);
    view.setUint8(
      at + 2,
      (event.role === 'shadow' ? flag.shadow : 0) |
        (event.subject === null ? 0 : flag.subject) |
        (event.key === null ? 0 : flag.key) |
        (texts.length === 0 ? 0 : flag.texts) |
        (answerTexts.length === 0 ? 0 : flag.answerTexts) |
        (event.trace === null ? 0 : flag.trace) |
        (event.failure === null ? 0 : flag.failure),
    );
    view.setUint8(at + 3, 0);
    view.setUint32(at + 4, rows, true);
    view.setUint32(at + 8, event.update, true);
    view.setUint32(at + 12, event.snapshot, true);
    view.setUint32(at + 16, event.imputed, true);
    view.setFloat64(at + 20, event.at, true);
    view.setFloat64(at + 28, event.propensity, true);
    view.setFloat64(at + 36, event.latency, true);
    this.length = at + 44;
    if (event.trace !== null) this.#traceId(event.trace);
    if (event.subject !== null) this.#text(event.subject);
    if (event.key !== null) this.#text(event.key);
    if (event.failure !== null) this.#text(event.failure);
    if (texts.length > 0) this.#texts(texts);
    if (answerTexts.length > 0) this.#texts(answerTexts);
    this.#floats(values);
    this.#floats(answers);
    this.#end();
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
    this.bytes.set(event.id, this.length);
    const at = this.length + 16;
    this.#view.setUint8(
      at,
      (event.prediction ? labelFlag.prediction : 0) |
        (event.key === null ? 0 : labelFlag.key) |
        (event.model === null ? 0 : labelFlag.model) |
        (isText ? labelFlag.text : 0),
    );
    this.#view.setFloat64(at + 1, event.at, true);
    this.length = at + 9;
    if (event.prediction) {
      this.bytes.set(event.prediction.id, this.length);
      this.#view.setUint32(this.length + 16, event.prediction.row, true);
      this.length += 20;
    }
    if (event.key !== null) this.#text(event.key);
    if (event.model !== null) this.#text(event.model);
    if (isText) this.#text(event.label as string);
    else {
      this.#view.setFloat64(this.length, event.label as number, true);
      this.length += 8;
    }
    this.#end();
  }

  /** 16 bytes. */
  #traceId(digits: string): void {
    Buffer.from(this.bytes.buffer, this.length, traceBytes).write(digits, 'hex');
    this.length += traceBytes;
  }

  /** u32 count, then each. */
  #texts(texts: string[]): void {
    this.#view.setUint32(this.length, texts.length, true);
    this.length += 4;
    for (const text of texts) this.#text(text);
  }

  /** u32 length, then UTF-8. */
  #text(text: string): void {
    const written = Buffer.from(this.bytes.buffer, this.length + 4).write(text, 'utf8');
    this.#view.setUint32(this.length, written, true);
    this.length += 4 + written;
  }

  #floats(values: Float64Array): void {
    const { length } = values;
    if (length > fewFloats) {
      this.bytes.set(new Uint8Array(values.buffer, values.byteOffset, 8 * length), this.length);
    } else {
      for (let i = 0; i < length; i++) this.#view.setFloat64(this.length + 8 * i, values[i]!, true);
    }
    this.length += 8 * length;
  }

  #begin(type: number, room: number): void {
    const needed = this.length + frameBytes + room;
    if (needed > this.bytes.length) {
      const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2));
      larger.set(this.bytes.subarray(0, this.length));
      this.bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.#frame = this.length;
    this.bytes[this.length + 8] = type;
    this.bytes[this.length + 9] = formatVersion;
    this.length += frameBytes;
  }

  #end(): void {
    this.#view.setUint32(this.#frame, this.length - this.#frame - frameBytes, true);
    this.#view.setUint32(this.#frame + 4, crc32c(this.#view, this.#frame + 8, this.length), true);
  }
}

/** A frame that was found whole in a buffer. */
export interface Frame {
  type: number;
  version: number;
  /** Of the payload in the buffer. */
  from: number;
  to: number;
}

/** The frame at an offset; 'short' if the buffer ends before it does, 'damaged' if it is none. */
export function readFrame(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
): Frame | 'short' | 'damaged' {
  if (at + frameBytes > end) return 'short';
  const length = view.getUint32(at, true);
  if (length > payloadLimit) return 'damaged';
  const to = at + frameBytes + length;
  if (to > end) return 'short';
  if (crc32c(view, at + 8, to) !== view.getUint32(at + 4, true)) return 'damaged';
  return { type: bytes[at + 8]!, version: bytes[at + 9]!, from: at + frameBytes, to };
}

/**
 * Where the next whole record begins behind damage, at an offset or after it; -1 if there is none before `end`.
 * A record of this or an earlier release: type and version are looked at before the checksum of what may be megabytes.
 */
export function nextFrame(bytes: Uint8Array, view: DataView, from: number, end: number): number {
  for (let at = from; at + frameBytes <= end; at++) {
    const type = bytes[at + 8]!;
    const version = bytes[at + 9]!;
    if (type < recordType.header || type > recordType.footer || version < 1 || version > formatVersion)
      continue;
    if (typeof readFrame(bytes, view, at, end) !== 'string') return at;
  }
  return -1;
}

export function readJson<T>(bytes: Uint8Array, frame: Frame): T {
  return JSON.parse(
    Buffer.from(bytes.buffer, bytes.byteOffset + frame.from, frame.to - frame.from).toString(),
  ) as T;
}

export function isShadow(bytes: Uint8Array, frame: Frame): boolean {
  return (bytes[frame.from + 18]! & flag.shadow) !== 0;
}

/** The prediction in a frame; null if its binding is unknown (it was lost to damage). */
export function readPrediction(
  bytes: Uint8Array,
  view: DataView,
  frame: Frame,
  bindings: Map<number, Binding>,
): PredictionEvent | null {
  let at = frame.from;
  const id = bytes.slice(at, at + 16);
  at += 16;
  const binding = bindings.get(view.getUint16(at, true));
  if (!binding) return null;
  const flags = bytes[at + 2]!;
  const rows = view.getUint32(at + 4, true);
  const update = view.getUint32(at + 8, true);
  const snapshot = view.getUint32(at + 12, true);
  const imputed = view.getUint32(at + 16, true);
  const time = view.getFloat64(at + 20, true);
  const propensity = view.getFloat64(at + 28, true);
  const latency = view.getFloat64(at + 36, true);
  const place = { at: at + 44 };
  const trace = flags & flag.trace ? readTraceId(bytes, place) : null;
  const subject = flags & flag.subject ? readText(bytes, view, place) : null;
  const key = flags & flag.key ? readText(bytes, view, place) : null;
  const failure = flags & flag.failure ? readText(bytes, view, place) : null;
  const texts = flags & flag.texts ? readTexts(bytes, view, place) : [];
  const answerTexts = flags & flag.answerTexts ? readTexts(bytes, view, place) : [];
  const answersFrom = failure === null ? frame.to - 8 * rows * binding.width : frame.to;
  return {
    type: 'prediction',
    id,
    model: binding.model,
    version: binding.version,
    update,
    snapshot,
    role: flags & flag.shadow ? 'shadow' : 'live',
    propensity,
    rollout: binding.rollout,
    subject,
    key,
    trace,
    at: time,
    latency,
    rows,
    features: binding.features,
    values: readFloats(bytes, view, place.at, answersFrom),
    texts,
    failure,
    answers: readFloats(bytes, view, answersFrom, frame.to),
    answerTexts,
    imputed,
  };
}

export function readLabel(bytes: Uint8Array, view: DataView, frame: Frame): LabelEvent {
  const place = { at: frame.from + 25 };
  const flags = bytes[frame.from + 16]!;
  let prediction: LabelEvent['prediction'] = null;
  if (flags & labelFlag.prediction) {
    prediction = { id: bytes.slice(place.at, place.at + 16), row: view.getUint32(place.at + 16, true) };
    place.at += 20;
  }
  const key = flags & labelFlag.key ? readText(bytes, view, place) : null;
  const model = flags & labelFlag.model ? readText(bytes, view, place) : null;
  return {
    type: 'label',
    id: bytes.slice(frame.from, frame.from + 16),
    model,
    prediction,
    key,
    label: flags & labelFlag.text ? readText(bytes, view, place) : view.getFloat64(place.at, true),
    at: view.getFloat64(frame.from + 17, true),
  };
}

/** The event in a frame, or null for frames that are none (header, binding, footer, types of later releases). */
export function readEvent(
  bytes: Uint8Array,
  view: DataView,
  frame: Frame,
  bindings: Map<number, Binding>,
): JournalEvent | null {
  if (frame.type === recordType.prediction) return readPrediction(bytes, view, frame, bindings);
  if (frame.type === recordType.label) return readLabel(bytes, view, frame);
  return null;
}

function readTraceId(bytes: Uint8Array, place: { at: number }): string {
  const from = bytes.byteOffset + place.at;
  place.at += traceBytes;
  return Buffer.from(bytes.buffer, from, traceBytes).toString('hex');
}

function readTexts(bytes: Uint8Array, view: DataView, place: { at: number }): string[] {
  const count = view.getUint32(place.at, true);
  place.at += 4;
  return Array.from({ length: count }, () => readText(bytes, view, place));
}

function readText(bytes: Uint8Array, view: DataView, place: { at: number }): string {
  const length = view.getUint32(place.at, true);
  const from = place.at + 4;
  place.at = from + length;
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, length).toString();
}

/** Arrays of up to so many numbers lie in the heap itself; larger ones get a buffer outside, which costs some 300 bytes more. */
const inHeap = 8;

/** A copy: the buffer is read into again. */
function readFloats(bytes: Uint8Array, view: DataView, from: number, to: number): Float64Array {
  const count = (to - from) / 8;
  if (count > inHeap)
    return new Float64Array(bytes.buffer.slice(bytes.byteOffset + from, bytes.byteOffset + to));
  const floats = new Float64Array(count);
  for (let i = 0; i < count; i++) floats[i] = view.getFloat64(from + 8 * i, true);
  return floats;
}

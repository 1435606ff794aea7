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

export const flag = {
  shadow: 1,
  subject: 2,
  key: 4,
  texts: 8,
  answerTexts: 16,
  trace: 32,
  failure: 64,
} as const;
export const labelFlag = { prediction: 1, key: 2, model: 4, text: 8 } as const;

export const traceBytes = 16;

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

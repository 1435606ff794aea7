import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { PredictionEvent, RequestId } from '../events.ts';
import { compareIds, idIncarnation } from './id.ts';
import {
  type Binding,
  type Frame,
  frameBytes,
  isShadow,
  nextFrame,
  readFrame,
  readJson,
  readPrediction,
  recordType,
} from './record.ts';
import { indexEvery, listSegments, readFooter, type SegmentName, segmentFile } from './segments.ts';

export interface Found {
  live: PredictionEvent;
  /** What shadow arms of the same lane answered. */
  shadows: PredictionEvent[];
}

/** A segment's live predictions, sparsely: ids ascending with their offsets, and all bindings. */
interface Index {
  ids: Uint8Array[];
  offsets: number[];
  bindings: Map<number, Binding>;
  /** How far it has been looked through, and the live predictions so far. */
  scanned: number;
  live: number;
  size: number;
}

/** Segment indexes kept; each costs a few kB a million bytes of segment. */
const keptIndexes = 64;
/** A shadow's record follows its live one within so many bytes, or is not looked for. */
const shadowBytes = 4 << 20;
const chunkBytes = 1 << 16;

/**
 * Finds predictions by id: the id names the incarnation, ids rise within it, so it is a binary search over
 * its segments and then over a segment's sparse index, and a short scan.
 */
export class Finder {
  readonly #folder: string;
  readonly #indexes = new Map<string, Index>();
  #segments = new Map<number, SegmentName[]>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  find(id: RequestId): Found | null {
    const incarnation = idIncarnation(id);
    const known = this.#segments.get(incarnation);
    // A new segment may have been begun since the folder was last looked at.
    return (known && this.#findIn(known, id)) ?? this.#findIn(this.#look(incarnation), id);
  }

  #look(incarnation: number): SegmentName[] {
    const segments = listSegments(this.#folder).filter((one) => one.incarnation === incarnation);
    this.#segments.set(incarnation, segments);
    return segments;
  }

  #findIn(segments: SegmentName[], id: RequestId): Found | null {
    const segment = this.#segmentOf(segments, id);
    return segment ? this.#findInSegment(segment, id) : null;
  }

  /** The last segment whose first live prediction is not later than the id. */
  #segmentOf(segments: SegmentName[], id: RequestId): SegmentName | null {
    let found: SegmentName | null = null;
    let low = 0;
    let high = segments.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      // A segment of labels alone says nothing: the one before it is asked.
      let asked = middle;
      let first: Uint8Array | undefined;
      while (asked >= low && !first) first = this.#index(segments[asked--]!)?.ids[0];
      if (first && compareIds(first, id) > 0) high = asked + 1;
      else {
        if (first) found = segments[asked + 1]!;
        low = middle + 1;
      }
    }
    return found;
  }

  #findInSegment(name: SegmentName, id: RequestId): Found | null {
    const index = this.#index(name);
    if (!index) return null;
    let low = 0;
    let high = index.ids.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareIds(index.ids[middle]!, id) <= 0) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return null;
    const file = this.#open(name);
    if (file === null) return null;
    try {
      return scan(file, index, index.offsets[low - 1]!, id);
    } finally {
      closeSync(file);
    }
  }

  /** The segment's index, made or brought up to date; null if the file is gone. */
  #index(name: SegmentName): Index | null {
    const key = `${name.incarnation}-${name.segment}`;
    const file = this.#open(name);
    if (file === null) return null;
    try {
      const index = this.#indexes.get(key) ?? sealedIndex(file) ?? emptyIndex();
      // Least recently used first.
      this.#indexes.delete(key);
      this.#indexes.set(key, index);
      if (this.#indexes.size > keptIndexes) this.#indexes.delete(this.#indexes.keys().next().value!);
      extend(file, index);
      return index;
    } finally {
      closeSync(file);
    }
  }

  #open(name: SegmentName): number | null {
    try {
      return openSync(segmentFile(this.#folder, name), 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }
}

function emptyIndex(): Index {
  return { ids: [], offsets: [], bindings: new Map(), scanned: 0, live: 0, size: 0 };
}

/** As the footer of a sealed segment gives it, without a look through the segment; null if it has none. */
function sealedIndex(file: number): Index | null {
  const { size } = fstatSync(file);
  const footer = readFooter(file, size);
  // The first footers had no bindings: such a segment is looked through.
  if (!footer?.bindings) return null;
  return {
    ids: footer.index.map(([id]) => Buffer.from(id, 'hex')),
    offsets: footer.index.map(([, offset]) => offset),
    bindings: new Map(footer.bindings.map((binding) => [binding.number, binding])),
    scanned: size,
    live: 0,
    size,
  };
}

/** Looks through what has been added to the file since. */
function extend(file: number, index: Index): void {
  const { size } = fstatSync(file);
  if (size === index.size) return;
  index.size = size;
  walk(file, index.scanned, size, (bytes, _view, frame, offset) => {
    index.scanned = offset + frameBytes + frame.to - frame.from;
    if (frame.type === recordType.binding) {
      const binding = readJson<Binding>(bytes, frame);
      index.bindings.set(binding.number, binding);
    } else if (frame.type === recordType.prediction && !isShadow(bytes, frame)) {
      if (index.live++ % indexEvery === 0) {
        index.ids.push(bytes.slice(frame.from, frame.from + 16));
        index.offsets.push(offset);
      }
    }
    return true;
  });
}

function scan(file: number, index: Index, from: number, id: RequestId): Found | null {
  let found: Found | null = null;
  let foundAt = 0;
  walk(file, from, index.size, (bytes, view, frame, offset) => {
    if (found && offset - foundAt > shadowBytes) return false;
    if (frame.type !== recordType.prediction) return true;
    const order = compareIds(bytes.subarray(frame.from, frame.from + 16), id);
    if (isShadow(bytes, frame)) {
      if (order === 0 && found) {
        const shadow = readPrediction(bytes, view, frame, index.bindings);
        if (shadow) found.shadows.push(shadow);
      }
      return true;
    }
    if (order === 0) {
      const live = readPrediction(bytes, view, frame, index.bindings);
      if (!live) return false;
      found = { live, shadows: [] };
      foundAt = offset;
    }
    // Ids rise over live predictions: behind the id there are only its shadows.
    return found !== null || order < 0;
  });
  return found;
}

type Visit = (bytes: Uint8Array, view: DataView, frame: Frame, offset: number) => boolean;

/** Visits the whole records between two offsets until told to stop; passes over damage to the next whole one. */
function walk(file: number, from: number, to: number, visit: Visit): void {
  let bytes = new Uint8Array(chunkBytes);
  let view = new DataView(bytes.buffer);
  let offset = from;
  while (offset < to) {
    const end = readSync(file, bytes, 0, bytes.length, offset);
    let at = 0;
    for (;;) {
      const frame = readFrame(bytes, view, at, end);
      if (typeof frame === 'string') break;
      if (!visit(bytes, view, frame, offset + at)) return;
      at = frame.to;
    }
    if (at === 0 && end === bytes.length && offset + end < to) {
      // Not one record fits, or there is damage: with all that follows in view it is clear which.
      bytes = new Uint8Array(bytes.length * 4);
      view = new DataView(bytes.buffer);
      continue;
    }
    if (at === 0) at = nextFrame(bytes, view, 1, end);
    if (at < 0) return;
    offset += at;
  }
}

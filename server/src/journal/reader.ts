import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Cursor, JournalEvent, Position } from '../events.ts';
import { type Binding, frameBytes, nextFrame, readEvent, readFrame, readJson, recordType } from './record.ts';
import { listSegments, segmentFile } from './segments.ts';

/** Read at a time, bytes; grows for a record that is larger. */
const chunkBytes = 1 << 20;

export interface ReadEvent {
  event: JournalEvent;
  incarnation: number;
  /** After this event. */
  position: Position;
}

/** What was passed over because it could not be read: never in silence. */
export interface Damage {
  incarnation: number;
  segment: number;
  offset: number;
  bytes: number;
}

/** One incarnation's segments as a stream. */
interface Stream {
  incarnation: number;
  segment: number;
  offset: number;
  file: number;
  bindings: Map<number, Binding>;
  /** Feature lists equal in content are made one object, so that folds can compare them by identity. */
  sealed: boolean;
}

/**
 * Reads the journal from a cursor on, as it grows: within an incarnation in the order of writing, between
 * incarnations in turns. A torn tail is not yet there; damage before good records is passed over and reported.
 */
export class Reader {
  /** Whether the last `read` may have left something of what there was. */
  hasMore = false;
  readonly #folder: string;
  readonly #onDamage: (damage: Damage) => void;
  readonly #streams = new Map<number, Stream>();
  /** Each incarnation's newest segment when the folder was last looked through. */
  readonly #newest = new Map<number, number>();
  #buffer = new Uint8Array(chunkBytes);
  #view = new DataView(this.#buffer.buffer);
  #turn = 0;

  constructor(folder: string, cursor: Cursor, onDamage: (damage: Damage) => void = () => {}) {
    this.#folder = folder;
    this.#onDamage = onDamage;
    for (const [incarnation, { segment, offset }] of Object.entries(cursor)) {
      this.#begin(Number(incarnation), segment, offset);
    }
  }

  /** Up to about so many bytes of new events, of all incarnations; none when there is nothing new. */
  read(maxBytes: number): ReadEvent[] {
    this.#discover();
    const events: ReadEvent[] = [];
    const streams = [...this.#streams.values()];
    let left = maxBytes;
    for (let i = 0; i < streams.length && left > 0; i++) {
      left -= this.#advance(streams[(i + this.#turn) % streams.length]!, left, events);
    }
    this.#turn++;
    this.hasMore = left <= 0;
    return events;
  }

  /** The new events of one incarnation, without looking through the folder: up to a segment's end that has no footer. */
  readOne(incarnation: number, maxBytes: number): ReadEvent[] {
    if (!this.#streams.has(incarnation)) this.#begin(incarnation, 1, 0);
    const events: ReadEvent[] = [];
    this.#advance(this.#streams.get(incarnation)!, maxBytes, events);
    return events;
  }

  /** Where reading goes on. */
  cursor(): Cursor {
    const cursor: Cursor = {};
    for (const { incarnation, segment, offset } of this.#streams.values())
      cursor[incarnation] = { segment, offset };
    return cursor;
  }

  close(): void {
    for (const stream of this.#streams.values()) this.#closeFile(stream);
  }

  #discover(): void {
    for (const { incarnation, segment } of listSegments(this.#folder)) {
      if (!this.#streams.has(incarnation)) this.#begin(incarnation, segment, 0);
      this.#newest.set(incarnation, segment);
    }
  }

  #begin(incarnation: number, segment: number, offset: number): void {
    this.#streams.set(incarnation, {
      incarnation,
      segment,
      offset,
      file: -1,
      bindings: new Map(),
      sealed: false,
    });
  }

  /** Reads on in one stream; returns how many bytes it took. */
  #advance(stream: Stream, maxBytes: number, events: ReadEvent[]): number {
    let taken = 0;
    while (taken < maxBytes) {
      if (stream.file < 0 && !this.#open(stream)) {
        if (!this.#skipMissing(stream)) return taken;
        continue;
      }
      const read = this.#chunk(stream, maxBytes - taken, events);
      taken += read;
      if (read > 0) continue;
      if (!stream.sealed && !this.#laterExists(stream)) return taken;
      this.#nextSegment(stream);
    }
    return taken;
  }

  #open(stream: Stream): boolean {
    try {
      stream.file = openSync(segmentFile(this.#folder, stream), 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
    // In the middle of a segment the bindings before it are needed.
    if (stream.offset > 0) this.#loadBindings(stream);
    return true;
  }

  /** Decodes the whole records from the stream's offset on; returns the bytes they took. */
  #chunk(stream: Stream, maxBytes: number, events: ReadEvent[]): number {
    let wanted = Math.min(this.#buffer.length, Math.max(maxBytes, frameBytes));
    for (;;) {
      const end = readSync(stream.file, this.#buffer, 0, wanted, stream.offset);
      const used = this.#decode(stream, end, events);
      if (used > 0 || end < wanted) return used > 0 ? used : this.#passDamage(stream, end);
      // Not one record fits into what was read.
      wanted *= 2;
      if (wanted > this.#buffer.length) {
        this.#buffer = new Uint8Array(wanted);
        this.#view = new DataView(this.#buffer.buffer);
      }
    }
  }

  #decode(stream: Stream, end: number, events: ReadEvent[]): number {
    let at = 0;
    while (at < end) {
      const frame = readFrame(this.#buffer, this.#view, at, end);
      if (typeof frame === 'string') break;
      at = frame.to;
      if (frame.type === recordType.binding) this.#bind(stream, readJson<Binding>(this.#buffer, frame));
      else if (frame.type === recordType.footer) stream.sealed = true;
      else {
        const event = readEvent(this.#buffer, this.#view, frame, stream.bindings);
        if (event) {
          const position = { segment: stream.segment, offset: stream.offset + at };
          events.push({ event, incarnation: stream.incarnation, position });
        }
      }
    }
    stream.offset += at;
    return at;
  }

  /**
   * Nothing whole stands at the offset. If something whole stands behind it, what is between is damage;
   * otherwise it is a tail that is still being written, or was torn.
   */
  #passDamage(stream: Stream, end: number): number {
    if (end < frameBytes) return 0;
    if (readFrame(this.#buffer, this.#view, 0, end) === 'short' && !this.#laterExists(stream)) {
      const declared = this.#view.getUint32(0, true) + frameBytes;
      // A length that reaches beyond the file may be a record on its way, or a damaged length: look behind it.
      if (declared <= fstatSync(stream.file).size - stream.offset) return 0;
    }
    const next = nextFrame(this.#buffer, this.#view, 1, end);
    if (next < 0) return 0;
    const { incarnation, segment, offset } = stream;
    this.#onDamage({ incarnation, segment, offset, bytes: next });
    stream.offset += next;
    return next;
  }

  /**
   * Whether a later segment had been begun when the folder was last looked through. That was before this one was
   * read to its end, so nothing can have been added to it since: looking only now would pass over what was.
   */
  #laterExists(stream: Stream): boolean {
    return (this.#newest.get(stream.incarnation) ?? 0) > stream.segment;
  }

  /** The segment is gone (retention): goes on with the next one there is. */
  #skipMissing(stream: Stream): boolean {
    if (!this.#laterExists(stream)) return false;
    this.#nextSegment(stream);
    return true;
  }

  #nextSegment(stream: Stream): void {
    if (stream.file >= 0 && !stream.sealed) {
      const bytes = fstatSync(stream.file).size - stream.offset;
      const { incarnation, segment, offset } = stream;
      if (bytes > 0) this.#onDamage({ incarnation, segment, offset, bytes });
    }
    this.#closeFile(stream);
    stream.segment++;
    stream.offset = 0;
    stream.bindings = new Map();
    stream.sealed = false;
  }

  #closeFile(stream: Stream): void {
    if (stream.file >= 0) closeSync(stream.file);
    stream.file = -1;
  }

  #bind(stream: Stream, binding: Binding): void {
    for (const known of stream.bindings.values()) {
      if (
        known.features.length === binding.features.length &&
        known.features.every((name, i) => name === binding.features[i])
      ) {
        binding.features = known.features;
        break;
      }
    }
    stream.bindings.set(binding.number, binding);
  }

  #loadBindings(stream: Stream): void {
    const buffer = new Uint8Array(stream.offset);
    readSync(stream.file, buffer, 0, stream.offset, 0);
    const view = new DataView(buffer.buffer);
    let at = 0;
    while (at < buffer.length) {
      const frame = readFrame(buffer, view, at, buffer.length);
      if (typeof frame === 'string') {
        at = nextFrame(buffer, view, at + 1, buffer.length);
        if (at < 0) return;
        continue;
      }
      if (frame.type === recordType.binding) this.#bind(stream, readJson<Binding>(buffer, frame));
      at = frame.to;
    }
  }
}

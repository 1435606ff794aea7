import * as nodeFs from 'node:fs';
import { SlipwayError } from '../errors.ts';
import type { LabelEvent, Position, PredictionEvent, RequestId } from '../events.ts';
import { idTime } from './id.ts';
import { type Binding, recordType } from './record.ts';
import { type PackedRows, RecordWriter } from './record-writer.ts';
import { type RowsFile, rowsPath } from './rows-file.ts';
import { indexEvery, type SegmentFooter, type SegmentHeader, segmentFile } from './segments.ts';

/** What stands before a record's rows besides its binding takes at most so much, bytes: subject and key are of 512 characters. */
const headRoom = 8192;

/** What the appender needs of the file system; tests hand in one that fails. */
export type AppendFiles = Pick<
  typeof nodeFs,
  | 'openSync'
  | 'writeSync'
  | 'ftruncateSync'
  | 'closeSync'
  | 'fdatasync'
  | 'mkdirSync'
  | 'renameSync'
  | 'rmSync'
>;

export interface AppenderOptions {
  folder: string;
  incarnation: number;
  maxSegmentBytes: number;
  maxSegmentAgeMs: number;
  /** Power loss costs at most this much, ms: fdatasync runs at this period on another thread. */
  syncPeriodMs: number;
  /** ms since the epoch. */
  now: () => number;
  files?: AppendFiles;
  onSyncError?: (error: Error) => void;
}

/**
 * Writes one incarnation's segments. Events of one event-loop turn gather in a buffer; `commit` is one write.
 * What was committed survives the death of the process at once, and loss of power after the next sync.
 */
export class Appender {
  /** Bytes in all segments of this incarnation. */
  writtenBytes = 0;
  readonly #options: AppenderOptions;
  readonly #files: AppendFiles;
  readonly #writer = new RecordWriter();
  #file = -1;
  #openError = new Error('no segment is open');
  #segment = 0;
  #offset = 0;
  #created = 0;
  #bindings: Binding[] = [];
  #features: string[][] = [];
  #events = 0;
  #live = 0;
  #index: [string, number][] = [];
  /** What belongs to records that are not written yet, to be undone if the write fails. */
  #pending = { events: 0, live: 0, index: 0, bindings: 0 };
  /** The record that the next commit makes a segment's first. */
  #adopted: { event: PredictionEvent; packed: PackedRows; file: RowsFile } | null = null;
  #rowsFiles = 0;
  #syncing = false;
  #unsynced = false;
  readonly #timer: NodeJS.Timeout;

  constructor(options: AppenderOptions) {
    this.#options = options;
    this.#files = options.files ?? nodeFs;
    this.#files.mkdirSync(options.folder, { recursive: true });
    this.#timer = setInterval(() => this.#sync(), options.syncPeriodMs);
    this.#timer.unref();
  }

  get pendingBytes(): number {
    return this.#writer.length;
  }

  /** `packed`: see RecordWriter. */
  prediction(event: PredictionEvent, packed: PackedRows | null = null): void {
    this.#ready(event.id);
    this.#append(event, packed);
  }

  /**
   * A file for the rows of a record that takes longer to be written than a turn of the event loop may: whoever has the
   * time writes them there, and `adopt` makes it a segment.
   */
  rowsFile(event: PredictionEvent): RowsFile {
    const { folder, incarnation } = this.#options;
    const from = headRoom + Buffer.byteLength(JSON.stringify(this.#newBinding(event)));
    return { path: rowsPath(folder, incarnation, this.#rowsFiles++), from };
  }

  /** The next commit seals the segment that is being written and goes on in this file, whose first record this is. */
  adopt(event: PredictionEvent, packed: PackedRows, file: RowsFile): void {
    this.#adopted = { event, packed, file };
  }

  /** `padding`: spaces in what stands before it. */
  #append(event: PredictionEvent, packed: PackedRows | null, padding = 0): void {
    const binding = this.#bindingOf(event, padding);
    if (event.role === 'live') {
      if (this.#live % indexEvery === 0) {
        this.#index.push([Buffer.from(event.id).toString('hex'), this.#offset + this.#writer.length]);
        this.#pending.index++;
      }
      this.#live++;
      this.#pending.live++;
    }
    this.#writer.prediction(event, binding, packed);
    this.#counted();
  }

  label(event: LabelEvent): void {
    this.#ready(event.id);
    this.#writer.label(event);
    this.#counted();
  }

  /**
   * Writes what has gathered and returns the position after it. Throws JOURNAL_WRITE_FAILED; then nothing
   * of it is in the journal, and the appender works again as soon as there is room.
   */
  commit(): Position {
    if (this.#writer.length > 0) {
      if (this.#file < 0) this.#lose(this.#openError);
      try {
        this.#write();
      } catch (error) {
        this.#lose(error as Error);
      }
      this.#pending = { events: 0, live: 0, index: 0, bindings: 0 };
      this.#unsynced = true;
    }
    if (this.#adopted) this.#adopt();
    const position = { segment: this.#segment, offset: this.#offset };
    const full = this.#offset >= this.#options.maxSegmentBytes;
    const old = this.#options.now() - this.#created >= this.#options.maxSegmentAgeMs;
    if (this.#file >= 0 && this.#events > 0 && (full || old)) this.#seal();
    return position;
  }

  /** Commits and seals. */
  close(): void {
    clearInterval(this.#timer);
    this.commit();
    if (this.#file >= 0) this.#seal();
  }

  /** Sees to it that a segment is open and has its header. What fails is said by `commit`, which has callers to tell. */
  #ready(first: RequestId): void {
    // A turn that began without a file is lost as a whole; one that began with a file has its header.
    if (this.#writer.length > 0) return;
    if (this.#file < 0) this.#open();
    if (this.#file >= 0 && this.#offset === 0) this.#begin(first);
  }

  #open(): void {
    const segment = this.#segment + 1;
    const { folder, incarnation } = this.#options;
    try {
      this.#file = this.#files.openSync(segmentFile(folder, { incarnation, segment }), 'wx');
      this.#segment = segment;
      this.#offset = 0;
    } catch (error) {
      this.#openError = error as Error;
    }
  }

  #begin(first: RequestId): void {
    const { incarnation, now } = this.#options;
    // The id was issued a moment ago: no id in the segment is older than it says.
    this.#created = Math.min(now(), idTime(first));
    this.#bindings = [];
    this.#features = [];
    this.#events = 0;
    this.#live = 0;
    this.#index = [];
    const header: SegmentHeader = { incarnation, segment: this.#segment, created: this.#created };
    this.#writer.json(recordType.header, header);
  }

  /** Feature lists are compared by identity: a version's list is made once a snapshot. */
  #bindingOf(event: PredictionEvent, padding: number): number {
    const width = widthOf(event);
    for (let i = 0; i < this.#bindings.length; i++) {
      const one = this.#bindings[i]!;
      if (
        this.#features[i] === event.features &&
        one.version === event.version &&
        one.model === event.model &&
        one.rollout === event.rollout &&
        one.width === width
      ) {
        return i;
      }
    }
    const binding = this.#newBinding(event);
    this.#bindings.push(binding);
    this.#features.push(event.features);
    this.#pending.bindings++;
    this.#writer.json(recordType.binding, binding, padding);
    return binding.number;
  }

  #newBinding(event: PredictionEvent): Binding {
    const { model, version, rollout, features } = event;
    return { number: this.#bindings.length, model, version, rollout, features, width: widthOf(event) };
  }

  #counted(): void {
    this.#events++;
    this.#pending.events++;
  }

  #write(): void {
    let at = this.#offset;
    for (const piece of this.#writer.pieces()) {
      for (let from = 0; from < piece.length; ) {
        const written = this.#files.writeSync(this.#file, piece, from, piece.length - from, at);
        from += written;
        at += written;
      }
    }
    this.#offset += this.#writer.length;
    this.writtenBytes += this.#writer.length;
    this.#writer.clear();
  }

  /**
   * Puts what lacks before the rows: a segment's header, the binding, the record's head. The file is no segment before
   * all of that is there.
   */
  #adopt(): void {
    const { event, packed, file } = this.#adopted!;
    this.#adopted = null;
    if (this.#file >= 0 && this.#offset > 0) this.#seal();
    else if (this.#file >= 0) this.#abandon();
    const { folder, incarnation } = this.#options;
    const segment = this.#segment + 1;
    try {
      this.#file = this.#files.openSync(file.path, 'r+');
      this.#offset = 0;
      this.#segment = segment;
      this.#begin(event.id);
      this.#append(event, packed);
      const padding = file.from - this.#writer.length;
      this.#writer.clear();
      this.#begin(event.id);
      this.#append(event, packed, padding);
      this.#write();
      this.#files.renameSync(file.path, segmentFile(folder, { incarnation, segment }));
    } catch (error) {
      this.#writer.clear();
      if (this.#file >= 0) this.#abandon();
      this.#segment = segment - 1;
      this.#files.rmSync(file.path, { force: true });
      throw writeFailed(error as Error);
    } finally {
      this.#pending = { events: 0, live: 0, index: 0, bindings: 0 };
    }
    this.#offset += packed.length;
    this.writtenBytes += packed.length;
    this.#unsynced = true;
  }

  /** Undoes what this turn gathered, so that no half record ever precedes a good one. */
  #lose(error: Error): never {
    this.#writer.clear();
    this.#events -= this.#pending.events;
    this.#live -= this.#pending.live;
    this.#index.length -= this.#pending.index;
    this.#bindings.length -= this.#pending.bindings;
    this.#features.length -= this.#pending.bindings;
    this.#pending = { events: 0, live: 0, index: 0, bindings: 0 };
    if (this.#file >= 0) {
      try {
        // At 0 the header is lost, too: the next event writes it again, into the same file.
        this.#files.ftruncateSync(this.#file, this.#offset);
      } catch {
        this.#abandon();
      }
    }
    throw writeFailed(error);
  }

  /** The next event begins a new segment; readers pass over what is broken at this one's end. */
  #abandon(): void {
    try {
      this.#files.closeSync(this.#file);
    } catch {
      // Nothing more can be done with it.
    }
    this.#file = -1;
  }

  #seal(): void {
    const footer: SegmentFooter = {
      events: this.#events,
      index: this.#index,
      bindings: this.#bindings,
      sealed: this.#options.now(),
    };
    this.#writer.json(recordType.footer, footer);
    try {
      this.#write();
    } catch {
      // Without a footer the segment is only slower to search.
      this.#writer.clear();
    }
    const file = this.#file;
    this.#file = -1;
    this.#files.fdatasync(file, (error) => {
      if (error) this.#options.onSyncError?.(error);
      this.#files.closeSync(file);
    });
  }

  #sync(): void {
    if (this.#syncing || !this.#unsynced || this.#file < 0) return;
    this.#syncing = true;
    this.#unsynced = false;
    this.#files.fdatasync(this.#file, (error) => {
      this.#syncing = false;
      // EBADF: the segment was sealed meanwhile, which syncs it too.
      if (error && error.code !== 'EBADF') this.#options.onSyncError?.(error);
    });
  }
}

function widthOf({ rows, answers }: PredictionEvent): number {
  return rows === 0 ? 0 : answers.length / rows;
}

function writeFailed({ message }: Error): SlipwayError {
  return new SlipwayError('JOURNAL_WRITE_FAILED', `The journal cannot be written: ${message}.`);
}

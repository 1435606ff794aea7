import { type Dirent, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { type Binding, frameBytes, readFrame, readJson, recordType } from './record.ts';

/** A segment file: `<incarnation>-<segment>.seg`, written by one incarnation of one lane. */
export interface SegmentName {
  incarnation: number;
  segment: number;
}

export function segmentFile(folder: string, { incarnation, segment }: SegmentName): string {
  return join(folder, `${incarnation}-${segment}.seg`);
}

const pattern = /^(\d+)-(\d+)\.seg$/;

/** All segments in a folder, by incarnation and then by number. */
export function listSegments(folder: string): SegmentName[] {
  let entries: Dirent[] = [];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return entries
    .map((entry) => pattern.exec(entry.name))
    .filter((match) => match !== null)
    .map((match) => ({ incarnation: Number(match[1]), segment: Number(match[2]) }))
    .sort((a, b) => a.incarnation - b.incarnation || a.segment - b.segment);
}

/** First record of every segment. */
export interface SegmentHeader {
  incarnation: number;
  segment: number;
  /** ms since the epoch. */
  created: number;
}

/** Last record of a sealed segment. */
export interface SegmentFooter {
  events: number;
  /** [hex of a live prediction's id, its offset], ascending: every so many live predictions, the first included. */
  index: [string, number][];
  /** All of the segment's, so that a prediction is read without a look through what stands before it. */
  bindings?: Binding[];
  /** ms since the epoch. */
  sealed: number;
}

/** A footer is smaller than this, or not looked for: 5,000 index entries of 46 bytes stand for 640,000 predictions. */
const footerLimit = 1 << 20;

/** The footer of a segment file of this size; null if it is not sealed (or its footer is damaged). */
export function readFooter(file: number, size: number): SegmentFooter | null {
  const bytes = new Uint8Array(Math.min(size, footerLimit));
  const end = readSync(file, bytes, 0, bytes.length, size - bytes.length);
  const view = new DataView(bytes.buffer);
  for (let at = end - frameBytes; at >= 0; at--) {
    // It is the last record: its length reaches to the end.
    if (bytes[at + 8] !== recordType.footer || view.getUint32(at, true) !== end - at - frameBytes) continue;
    const frame = readFrame(bytes, view, at, end);
    if (typeof frame !== 'string') return readJson<SegmentFooter>(bytes, frame);
  }
  return null;
}

/** A live prediction is put into a segment's sparse index every so many. */
export const indexEvery = 128;

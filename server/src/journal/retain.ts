import { closeSync, openSync, readSync, rmSync, statSync } from 'node:fs';
import type { Cursor } from '../events.ts';
import { readFrame, readJson, recordType } from './record.ts';
import { removeRows } from './rows-file.ts';
import { listSegments, type SegmentHeader, type SegmentName, segmentFile } from './segments.ts';

export interface RetentionPolicy {
  /** Older segments go, ms. */
  maxAgeMs: number;
  /** The folder's bound, bytes: the oldest segments go until it is kept. */
  maxBytes: number;
}

export interface Retained {
  deleted: SegmentName[];
  /** Deleted although a loop had not read them to the end, because the bound forced it. */
  unread: number;
  bytes: number;
  segments: number;
  /** ms since the epoch at which the oldest segment that is left was begun: older ids are gone. 0 without any. */
  oldest: number;
}

/** Rows that are not a segment after so long never will be, ms. */
const rowsMs = 3_600_000;

/** Deletes whole segments by age and by the folder's bound; never one that is being written. */
export function retain(folder: string, policy: RetentionPolicy, cursors: Cursor[], now: number): Retained {
  removeRows(folder, now - rowsMs);
  const all = listSegments(folder).flatMap((name) => {
    try {
      const { size, mtimeMs } = statSync(segmentFile(folder, name));
      return [{ name, size, written: mtimeMs }];
    } catch {
      return [];
    }
  });
  const newest = new Map<number, number>();
  for (const { name } of all)
    newest.set(name.incarnation, Math.max(newest.get(name.incarnation) ?? 0, name.segment));
  const read = (name: SegmentName) =>
    cursors.every((cursor) => (cursor[name.incarnation]?.segment ?? 0) > name.segment);
  let bytes = all.reduce((sum, { size }) => sum + size, 0);
  const result: Retained = { deleted: [], unread: 0, bytes: 0, segments: 0, oldest: 0 };
  let left = all.length;
  for (const { name, size, written } of [...all].sort((a, b) => a.written - b.written)) {
    const age = now - written;
    const over = bytes > policy.maxBytes;
    const active = newest.get(name.incarnation) === name.segment && age < policy.maxAgeMs;
    if (active || !(over || (age >= policy.maxAgeMs && read(name)))) {
      const begun = createdAt(folder, name) ?? written;
      result.oldest = result.oldest === 0 ? begun : Math.min(result.oldest, begun);
      continue;
    }
    rmSync(segmentFile(folder, name), { force: true });
    if (!read(name)) result.unread++;
    bytes -= size;
    left--;
    result.deleted.push(name);
  }
  result.bytes = bytes;
  result.segments = left;
  return result;
}

/** A header is far smaller than this. */
const headerBytes = 1024;

/** When a segment was begun, by its header; null if it has none. */
function createdAt(folder: string, name: SegmentName): number | null {
  const file = openSync(segmentFile(folder, name), 'r');
  try {
    const bytes = new Uint8Array(headerBytes);
    const end = readSync(file, bytes, 0, headerBytes, 0);
    const frame = readFrame(bytes, new DataView(bytes.buffer), 0, end);
    if (typeof frame === 'string' || frame.type !== recordType.header) return null;
    return readJson<SegmentHeader>(bytes, frame).created;
  } finally {
    closeSync(file);
  }
}

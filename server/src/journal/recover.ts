import { closeSync, ftruncateSync, openSync, readFileSync } from 'node:fs';
import { nextFrame, readFrame, recordType } from './record.ts';
import { removeRows } from './rows-file.ts';
import { listSegments, segmentFile } from './segments.ts';

/**
 * Cuts the torn tails of segments whose writer is dead: what follows the last whole record was never
 * answered. Run before any lane starts. Returns the bytes cut.
 */
export function recover(folder: string): number {
  let cut = 0;
  removeRows(folder, Number.POSITIVE_INFINITY);
  const all = listSegments(folder);
  for (const [i, name] of all.entries()) {
    // Only where an incarnation ended can there be a tail; a segment that was given up before is the reader's to report.
    if (all[i + 1]?.incarnation !== name.incarnation) cut += cutTail(segmentFile(folder, name));
  }
  return cut;
}

/** Damage with good records behind it is the reader's to report, whatever its length says; only a tail is cut. */
function cutTail(path: string): number {
  const bytes = readFileSync(path);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let end = 0;
  for (let at = 0; at >= 0; at = nextFrame(bytes, view, end + 1, bytes.length)) {
    for (;;) {
      const frame = readFrame(bytes, view, at, bytes.length);
      if (typeof frame === 'string') break;
      if (frame.type === recordType.footer) return 0;
      at = frame.to;
      end = at;
    }
  }
  if (end === bytes.length) return 0;
  const file = openSync(path, 'r+');
  try {
    ftruncateSync(file, end);
  } finally {
    closeSync(file);
  }
  return bytes.length - end;
}

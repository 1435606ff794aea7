import { closeSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { readFrame, recordType } from './record.ts';
import { listSegments, type SegmentName, segmentFile } from './segments.ts';

const chunkBytes = 1 << 20;

/**
 * Cuts the torn tails of segments whose writer is dead: what follows the last whole record was never
 * answered. Run before any lane starts. Returns the bytes cut.
 */
export function recover(folder: string): number {
  let cut = 0;
  for (const name of listSegments(folder)) cut += cutTail(folder, name);
  return cut;
}

function cutTail(folder: string, name: SegmentName): number {
  const file = openSync(segmentFile(folder, name), 'r+');
  try {
    let bytes = new Uint8Array(chunkBytes);
    let offset = 0;
    for (;;) {
      const view = new DataView(bytes.buffer);
      const end = readSync(file, bytes, 0, bytes.length, offset);
      let at = 0;
      for (;;) {
        const frame = readFrame(bytes, view, at, end);
        // Damage with good records behind it is the reader's to report; only a tail is cut.
        if (frame === 'damaged') return 0;
        if (frame === 'short') break;
        if (frame.type === recordType.footer) return 0;
        at = frame.to;
      }
      offset += at;
      if (end < bytes.length) {
        if (end === at) return 0;
        ftruncateSync(file, offset);
        return end - at;
      }
      if (at === 0) bytes = new Uint8Array(bytes.length * 2);
    }
  } finally {
    closeSync(file);
  }
}

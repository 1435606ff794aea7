import { type Dirent, readdirSync } from 'node:fs';
import { join } from 'node:path';

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
  sealed: number;
}

/** A live prediction is put into a segment's sparse index every so many. */
export const indexEvery = 128;

import type { Level } from './finding.ts';

/** What keeps a version from answering, or did so a moment ago. */
export interface Trouble {
  level: Level;
  /** What happened: a sentence that begins with what of the version it is about: "Its process …". */
  message: string;
  /** What to do about it. */
  hint: string;
  /** What it printed last, where it has a process of its own. */
  lines?: string[];
}

/** How a version is that needs more than this process to answer, as one of Slipway's processes sees it. */
export interface VersionReport {
  model: string;
  version: number;
  /** null: it is well. `since`: ms since the epoch. */
  trouble: (Trouble & { since: number }) | null;
  /** Starts of its own process after the first; null: it has none. */
  restarts: number | null;
}

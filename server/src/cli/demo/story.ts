import type { TimelineEntry } from '../../api.ts';
import { paint } from '../output.ts';
import { ask, type Remote } from '../remote.ts';

const marks = { well: ['green', '●'], look: ['yellow', '▲'], act: ['red', '■'] } as const;

/** Tells the timeline as it grows, each entry once, oldest first. */
export class Story {
  readonly #remote: Remote;
  readonly #tell: (text: string) => void;
  #told = 0;

  constructor(remote: Remote, tell: (text: string) => void) {
    this.#remote = remote;
    this.#tell = tell;
  }

  /** Control may be being replaced: then the next call tells it. */
  async goOn(): Promise<void> {
    const { entries } = await ask<{ entries: TimelineEntry[] }>(
      this.#remote,
      'GET',
      '/api/timeline?limit=100',
    ).catch(() => ({
      entries: [],
    }));
    for (const entry of entries.reverse()) {
      if (Number(entry.id) <= this.#told) continue;
      this.#told = Number(entry.id);
      this.#tell(text(entry));
    }
  }
}

function text({ level, message, reasons, eventTime, kind }: TimelineEntry): string {
  const [colour, mark] = marks[level];
  const day = eventTime === null ? '' : `${paint('dim', new Date(eventTime).toISOString().slice(0, 10))}  `;
  const why =
    kind === 'promote' || kind === 'roll back' ? reasons.map((reason) => `\n      ${reason}`).join('') : '';
  return `  ${paint(colour, mark)} ${day}${message}${why}`;
}

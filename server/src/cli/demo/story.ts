import { setTimeout as pause } from 'node:timers/promises';
import type { TimelineEntry } from '../../api.ts';
import { paint } from '../output.ts';
import { ask, type Remote } from '../remote.ts';
import { decidedAt, rowAt } from './stream.ts';

/** Control may be being replaced: pause before it is asked again, ms. */
const againMs = 300;
const mostEntries = 1000;
const marks = { well: ['green', '●'], look: ['yellow', '▲'], act: ['red', '■'] } as const;

/** Tells the timeline as it grows, each entry once, oldest first. */
export class Story {
  readonly #remote: Remote;
  readonly #tell: (text: string) => void;
  #told = 0;
  #telling: Promise<void> = Promise.resolve();

  constructor(remote: Remote, tell: (text: string) => void) {
    this.#remote = remote;
    this.#tell = tell;
  }

  /** Follows control's server-sent events until `signal`; comes back to them when control was replaced. */
  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const response = await fetch(new URL('/api/events', this.#remote.server), { signal });
        // What happened before the stream was open.
        await this.goOn();
        let text = '';
        for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
          text += chunk;
          const end = text.lastIndexOf('\n\n');
          if (text.slice(0, Math.max(0, end)).includes('"timeline"')) await this.goOn();
          text = text.slice(end + 1);
        }
      } catch {
        // Aborted, or control is gone: told apart by the loop's condition.
      }
      await pause(againMs, undefined, { signal }).catch(() => {});
    }
  }

  /** Tells what is new. One look after the other, so that nothing is told twice. */
  goOn(): Promise<void> {
    // Without control nothing is told now, and all of it later.
    this.#telling = this.#telling.then(() => this.#tellNew()).catch(() => {});
    return this.#telling;
  }

  async #tellNew(): Promise<void> {
    const path = `/api/timeline?limit=${mostEntries}`;
    const { entries } = await ask<{ entries: TimelineEntry[] }>(this.#remote, 'GET', path);
    for (const entry of entries.reverse()) {
      if (Number(entry.id) <= this.#told) continue;
      this.#told = Number(entry.id);
      this.#tell(entryText(entry));
    }
  }
}

/** One entry as a sentence, with the row of the stream at which it came to be. */
function entryText({ level, message, reasons, eventTime, kind }: TimelineEntry): string {
  const [colour, mark] = marks[level];
  const isDecision = kind === 'promote' || kind === 'roll back';
  const place =
    eventTime === null
      ? ''
      : `${paint('dim', `row ${isDecision ? decidedAt(eventTime) : rowAt(eventTime)}`)}  `;
  const why = isDecision ? reasons.map((reason) => `\n      ${reason}`).join('') : '';
  return `  ${paint(colour, mark)} ${place}${message}${why}`;
}

import type { PredictionEvent, RequestId } from '../events.ts';
import type { Finder } from '../journal/find.ts';
import { idText } from '../journal/id.ts';

/** A live prediction with what its shadows answered so far. */
export interface Known {
  live: PredictionEvent;
  shadows: PredictionEvent[];
  /** Whether any of its rows has a label, as far as this process knows; null: the database must be asked. */
  labelled: boolean | null;
}

/** Size of one record besides its numbers, as measured, bytes. */
const overheadBytes = 1200;
/** Of one text besides its characters: its string, and its place in the list, bytes. */
const textBytes = 24;

/** Predictions by id: recent ones in bounded memory, older ones from the journal. */
export class Predictions {
  readonly #finder: Finder;
  readonly #limit: number;
  readonly #recent = new Map<string, Known>();
  /** At the oldest: a new one would first go past all that were removed since the map was last made anew. */
  readonly #oldest = this.#recent.entries();
  /** Shadows whose live record has not been read yet (another process wrote them). */
  readonly #early = new Map<string, PredictionEvent[]>();
  #bytes = 0;

  constructor(finder: Finder, limitBytes: number) {
    this.#finder = finder;
    this.#limit = limitBytes;
  }

  addLive(live: PredictionEvent): Known {
    const key = idText(live.id);
    const known: Known = { live, shadows: this.#early.get(key) ?? [], labelled: null };
    this.#early.delete(key);
    this.#keep(key, known);
    return known;
  }

  /** The prediction that a shadow belongs to; null while it is not known. */
  addShadow(shadow: PredictionEvent): Known | null {
    const key = idText(shadow.id);
    const known = this.#recent.get(key) ?? this.#load(key, shadow.id);
    if (!known) {
      this.#early.set(key, [...(this.#early.get(key) ?? []), shadow]);
      return null;
    }
    if (!known.shadows.some((one) => one.version === shadow.version)) known.shadows.push(shadow);
    return known;
  }

  get(id: RequestId): Known | null {
    const key = idText(id);
    return this.#recent.get(key) ?? this.#load(key, id);
  }

  #load(key: string, id: RequestId): Known | null {
    const found = this.#finder.find(id);
    if (!found) return null;
    const known: Known = { ...found, labelled: null };
    this.#keep(key, known);
    return known;
  }

  #keep(key: string, known: Known): void {
    const before = this.#recent.get(key);
    if (before) this.#bytes -= size(before);
    this.#recent.set(key, known);
    this.#bytes += size(known);
    while (this.#bytes > this.#limit) {
      const [oldest, one] = this.#oldest.next().value!;
      this.#recent.delete(oldest);
      this.#bytes -= size(one);
    }
  }
}

/** Of the live record only, so that it is the same when it is taken out again. */
function size({ live }: Known): number {
  let size = overheadBytes + 8 * (live.values.length + live.answers.length);
  for (const text of live.texts) size += textBytes + 2 * text.length;
  for (const text of live.answerTexts) size += textBytes + 2 * text.length;
  return size;
}

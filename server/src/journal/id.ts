import type { RequestId } from '../events.ts';

/** Sequence numbers within one millisecond: 12 bits of rand_a. */
const sequenceLimit = 4096;

const pairs = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/**
 * Makes the request ids of one lane incarnation: UUIDv7 (RFC 9562) whose `rand_a` is a sequence and whose
 * `rand_b` begins with the incarnation. They rise strictly, whatever the clock does, and name the
 * incarnation that issued them, so an id leads to exactly one lane's segments.
 */
export class IdSource {
  readonly #incarnation: number;
  readonly #random: () => number;
  #ms: number;
  #sequence = -1;

  /** `floorMs`: no id is older than this. `random`: in [0, 1). */
  constructor(incarnation: number, floorMs: number, random: () => number) {
    this.#incarnation = incarnation;
    this.#ms = Math.floor(floorMs);
    this.#random = random;
  }

  next(nowMs: number): RequestId {
    const now = Math.floor(nowMs);
    if (now > this.#ms) {
      this.#ms = now;
      this.#sequence = 0;
    } else if (++this.#sequence >= sequenceLimit) {
      this.#ms++;
      this.#sequence = 0;
    }
    const id = new Uint8Array(16);
    const high = Math.floor(this.#ms / 2 ** 32);
    const low = this.#ms >>> 0;
    id[0] = high >>> 8;
    id[1] = high;
    id[2] = low >>> 24;
    id[3] = low >>> 16;
    id[4] = low >>> 8;
    id[5] = low;
    id[6] = 0x70 | (this.#sequence >>> 8);
    id[7] = this.#sequence;
    // The variant's two bits, then 6 random bits, 32 of incarnation, 24 random.
    const dice = Math.floor(this.#random() * 2 ** 30);
    id[8] = 0x80 | (dice >>> 24);
    id[9] = this.#incarnation >>> 24;
    id[10] = this.#incarnation >>> 16;
    id[11] = this.#incarnation >>> 8;
    id[12] = this.#incarnation;
    id[13] = dice >>> 16;
    id[14] = dice >>> 8;
    id[15] = dice;
    return id;
  }
}

/** The usual text form of a UUID. */
export function idText(id: RequestId): string {
  const p = pairs;
  return `${p[id[0]!]}${p[id[1]!]}${p[id[2]!]}${p[id[3]!]}-${p[id[4]!]}${p[id[5]!]}-${p[id[6]!]}${p[id[7]!]}-${p[id[8]!]}${p[id[9]!]}-${p[id[10]!]}${p[id[11]!]}${p[id[12]!]}${p[id[13]!]}${p[id[14]!]}${p[id[15]!]}`;
}

/** A row's id: the request's, and the row's index where the request had several. */
export function rowId(id: RequestId, row: number, rows: number): string {
  return rows === 1 ? idText(id) : `${idText(id)}.${row}`;
}

const idPattern =
  /^([0-9a-f]{8})-([0-9a-f]{4})-(7[0-9a-f]{3})-([89ab][0-9a-f]{3})-([0-9a-f]{12})(?:\.(\d{1,9}))?$/i;

/** Reads what `idText` and `rowId` write; null for anything else. */
export function parseId(text: string): { id: RequestId; row: number } | null {
  const match = idPattern.exec(text);
  if (!match) return null;
  const hex = match[1]! + match[2]! + match[3]! + match[4]! + match[5]!;
  const id = new Uint8Array(16);
  for (let i = 0; i < 16; i++) id[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return { id, row: Number(match[6] ?? 0) };
}

/** ms since the epoch at which the id was issued (at least: ids never go back). */
export function idTime(id: RequestId): number {
  return (
    ((id[0]! << 8) | id[1]!) * 2 ** 32 + (((id[2]! << 24) | (id[3]! << 16) | (id[4]! << 8) | id[5]!) >>> 0)
  );
}

export function idIncarnation(id: RequestId): number {
  return ((id[9]! << 24) | (id[10]! << 16) | (id[11]! << 8) | id[12]!) >>> 0;
}

/** Order of issue within one incarnation. */
export function compareIds(a: RequestId, b: RequestId): number {
  for (let i = 0; i < 16; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}

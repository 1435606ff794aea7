/** A scorer as the memory for all of them sees it. Times are of `performance.now()`, ms. */
export interface Roomed {
  state: 'asleep' | 'starting' | 'ready' | 'ending';
  /** That it holds; that it is expected to hold, before it is ready. */
  bytes: number;
  /** The lowest was used longest ago. */
  used: number;
  /** It is not put to sleep before. */
  staysUntil: number;
  /** Why it is to be started, if it is. */
  wanted: Wanted | null;
}

/**
 * `leisure`: it is to be ready before anybody asks. `shadow`: it is asked, and nobody waits for it. `caller`: somebody
 * waits. `change`: it is to be made current.
 */
export const wantedFor = ['leisure', 'shadow', 'caller', 'change'] as const;
export interface Wanted {
  for: (typeof wantedFor)[number];
  since: number;
}

/** What nobody waits for takes the place of what has not been used for so long, ms. */
const idleMs = 60_000;

/**
 * What to do next for all of them to have room: those that are waited for start, first those that a change waits for,
 * within one first come, first served; for them the one used longest ago goes. One that is expected to be larger than all
 * the room there is may run alone. null: nothing now.
 */
export function nextStep<T extends Roomed>(
  scorers: readonly T[],
  { most, atOnce }: { most: number; atOnce: number },
  now: number,
): { start: T } | { end: T } | null {
  const running = scorers.filter(({ state }) => state === 'starting' || state === 'ready');
  const held = bytesOf(running);
  const oldest = (usedBefore: number): T | null =>
    running
      .filter(({ staysUntil, used }) => staysUntil <= now && used < usedBefore)
      .reduce<T | null>((first, one) => (first && first.used <= one.used ? first : one), null);
  const grown = held > most && running.length > 1 ? oldest(Number.POSITIVE_INFINITY) : null;
  if (grown) return { end: grown };

  if (running.filter(({ state }) => state === 'starting').length >= atOnce) return null;
  const next = scorers
    .filter(({ state, wanted }) => state === 'asleep' && wanted)
    .reduce<T | null>((first, one) => (first && !isBefore(one.wanted!, first.wanted!) ? first : one), null);
  if (!next) return null;
  const ending = scorers.filter(({ state }) => state === 'ending');
  if (held + bytesOf(ending) + next.bytes <= most || running.length + ending.length === 0)
    return { start: next };
  // What is ending makes room already.
  if (held + next.bytes <= most || next.wanted!.for === 'leisure') return null;
  const end = oldest(next.wanted!.for === 'shadow' ? now - idleMs : Number.POSITIVE_INFINITY);
  return end && { end };
}

function isBefore(one: Wanted, other: Wanted): boolean {
  const [first, second] = [one, other].map((wanted) => wantedFor.indexOf(wanted.for)) as [number, number];
  return first === second ? one.since < other.since : first > second;
}

function bytesOf(scorers: readonly Roomed[]): number {
  return scorers.reduce((sum, { bytes }) => sum + bytes, 0);
}

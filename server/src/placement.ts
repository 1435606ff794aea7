/**
 * Where a version runs: in the lanes' own processes; in a scorer, a process that it has for itself, so that it holds up
 * nobody else and its end costs nobody else; or on another server. All that decides it is here (docs/adr/0014-scorer.md).
 */
export type Placement = 'lane' | 'scorer' | 'elsewhere';

/** A row may hold up a lane's other callers for so long, µs. */
export const laneMicroseconds = 1000;
/** And so long where no caller waits for it: as a shadow. */
export const shadowMicroseconds = 200;

/** Attaching it may hold up a lane's callers for so long at a stretch, ms: as long as any turn of a lane may take. */
export const attachMilliseconds = 5;

/** What the gates found. */
interface Found {
  runs: 'inline' | 'runtime' | 'elsewhere';
  learns: boolean;
  /** What a row may do to all others in its process, in words, or null. */
  hazard: string | null;
  /** Of a single fresh row. */
  microseconds: number;
  /** The longest turn of an event loop while it was attached, ms. */
  attachTurn: number;
}

/**
 * Where a version runs by what it is, and why. Learners stay where their updates come; Slipway's own code attaches
 * what another thread has read and compiled, so only a library's turns count.
 */
export function placementOf({ runs, learns, hazard, microseconds, attachTurn }: Found): {
  placement: Placement;
  why: string;
} {
  if (learns) return { placement: 'lane', why: 'in the lanes: it learns' };
  if (hazard !== null) return { placement: 'scorer', why: `in a process of its own: ${hazard}` };
  if (runs === 'elsewhere') return { placement: 'elsewhere', why: 'on another server' };
  if (microseconds > laneMicroseconds) {
    const why = `in a process of its own: a row takes more than the ${laneMicroseconds} µs that the lanes afford`;
    return { placement: 'scorer', why };
  }
  if (runs === 'runtime' && attachTurn > attachMilliseconds) {
    const why = `in a process of its own: its runtime needs ${Math.ceil(attachTurn)} ms to take it in, and ${attachMilliseconds} ms at a stretch are what the lanes afford`;
    return { placement: 'scorer', why };
  }
  return { placement: 'lane', why: 'in the lanes' };
}

/** What is known of a registered version; `placement` is not of those that an older Slipway registered. */
interface Registered {
  placement?: Placement;
  microseconds: number;
  facts: { [name: string]: unknown };
}

/** Where a version runs by what it is and what it does now. */
export function placementAs(
  role: 'shadow' | 'other',
  version: Registered,
  { learns }: { learns: boolean },
): Placement {
  const placement = version.placement ?? placementOfOld(version);
  const isSlow = version.microseconds > shadowMicroseconds;
  return role === 'shadow' && placement === 'lane' && isSlow && !learns ? 'scorer' : placement;
}

/** An older Slipway did not look for what may run for ever in the graphs that onnxruntime runs. */
function placementOfOld({ facts }: Registered): Placement {
  if (facts.upstream !== undefined) return 'elsewhere';
  return facts.runsOn === 'onnxruntime' ? 'scorer' : 'lane';
}

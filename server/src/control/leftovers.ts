import type { Blobs } from '../registry/blobs.ts';
import type { Registry } from '../registry/registry.ts';

/** An upload waits so long to be deployed; then it goes, as does what a refused one has left, ms. */
const keptMs = 60 * 60 * 1000;
/** Looked at so often, ms. */
const lookMs = 15 * 60 * 1000;

/**
 * Removes blobs that no version and no checkpoint names: uploads that were not deployed, or did not pass their gates,
 * and what was being written when control was killed. What is young may be about to be named, and stays; so does what a
 * deploy works with. Killed at any point, it has removed only what nobody needs. Returns the end of looking.
 */
export function sweepLeftovers(registry: Registry, blobs: Blobs, now: () => number): () => void {
  const sweep = (): void => void blobs.sweep(registry.blobsInUse(), now() - keptMs);
  sweep();
  const timer = setInterval(sweep, lookMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** What became of a version's requests to its upstream. Only ever grows. */
export interface UpstreamCounts {
  answered: number;
  /** Not answered, or not as was agreed. */
  failed: number;
  /** Their callers had gone, or had no more time: neither of both. */
  abandoned: number;
  /** Of all: sent a second time. */
  retried: number;
  /** Times that the circuit opened. */
  opened: number;
}

export function addUpstream(sum: UpstreamCounts, more: UpstreamCounts): void {
  sum.answered += more.answered;
  sum.failed += more.failed;
  sum.abandoned += more.abandoned;
  sum.retried += more.retried;
  sum.opened += more.opened;
}

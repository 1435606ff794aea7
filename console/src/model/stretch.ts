import type { ModelView } from '../../../server/src/api.ts';

/** The event time that every picture of the page shows, and the most there is. */
export interface Stretch {
  from: number;
  to: number;
  first: number;
  last: number;
  whole: boolean;
}

const day = 86_400_000;

/** All there is, from the oldest row to the newest, or what the link says. Pure. */
export function stretch(
  { first: oldest, watermark }: Pick<ModelView, 'first' | 'watermark'>,
  search: { from?: number | undefined; to?: number | undefined },
): Stretch | null {
  if (watermark === null) return null;
  const last = watermark;
  const first = Math.min(oldest ?? last - day, last - 1);
  const from = search.from ?? first;
  const to = search.to ?? last;
  if (to <= from) return { from: first, to: last, first, last, whole: true };
  return { from, to, first, last, whole: search.from === undefined && search.to === undefined };
}

/** Stretches to choose from, by their length in days back from the newest row. */
export const lengths: [string, number | null][] = [
  ['All', null],
  ['90 days', 90],
  ['30 days', 30],
  ['7 days', 7],
];

export function begin(times: Stretch, days: number | null): number | undefined {
  return days === null ? undefined : times.last - days * day;
}

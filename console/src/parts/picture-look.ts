import { eventDate } from '../words/times.ts';

/** From this width on, pictures over event time share their left and right edges, so that times stand below each other. */
const wide = 720;
export function sides(width: number) {
  return width < wide ? { marginLeft: 46, marginRight: 12 } : { marginLeft: 132, marginRight: 84 };
}

/** An axis of event time: dates as Plot writes them, and for a few days hours by the 24-hour clock. */
export function timeAxis(from: number, to: number, ticks: number) {
  const axis = { type: 'utc' as const, domain: [from, to], label: null, ticks };
  if (to - from > 3 * 86_400_000) return axis;
  const tickFormat = (at: Date, i: number) => {
    const [date, time] = at.toISOString().split('T');
    const clock = time!.slice(0, 5);
    return i === 0 || clock === '00:00' ? `${clock}\n${eventDate(Date.parse(date!))}` : clock;
  };
  return { ...axis, tickFormat };
}

/** What all pictures share. */
export function axes(width: number, height: number) {
  return {
    width,
    height,
    marginLeft: 46,
    marginBottom: 32,
    style: { background: 'transparent', color: 'var(--ink)', fontSize: '12px', fontFamily: 'inherit' },
  };
}

/** The colour of a version, the same in every picture; after Okabe and Ito, told apart by all eyes. */
const count = 6;
export function versionHue(version: number): string {
  return `var(--version-${(version - 1) % count})`;
}

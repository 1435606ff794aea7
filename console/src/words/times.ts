const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_557_600_000],
  ['month', 2_629_800_000],
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
];
const relativeFormat = new Intl.RelativeTimeFormat('en-GB', { numeric: 'auto' });
const exactFormat = new Intl.DateTimeFormat('en-GB', {
  dateStyle: 'long',
  timeStyle: 'medium',
});
const dateFormat = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  timeZone: 'UTC',
});
const minuteFormat = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  timeZone: 'UTC',
});

/** "3 minutes ago". */
export function relative(at: number, now = Date.now()): string {
  const gap = at - now;
  for (const [unit, size] of units)
    if (Math.abs(gap) >= size) return relativeFormat.format(Math.round(gap / size), unit);
  return 'just now';
}

export function exact(at: number): string {
  return exactFormat.format(at);
}

/** Event times are shown in UTC: the axis of the pictures. */
export function eventDate(at: number): string {
  return dateFormat.format(at);
}

export function eventMinute(at: number): string {
  return `${minuteFormat.format(at)} UTC`;
}

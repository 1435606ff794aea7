/** Four significant digits: enough to tell bins apart, short enough to read. */
export function numberText(value: number): string {
  return String(Number(value.toPrecision(4)));
}

/** A count with thousands set apart: "8,363". */
export function countText(count: number): string {
  return count.toLocaleString('en-GB');
}

/** "6.3 %" */
export function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`;
}

/** Event time as its UTC day: "1997-01-05". */
export function day(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? String(at) : date.toISOString().slice(0, 10);
}

/** A value of a golden tensor of numbers as a number: JSON has no word for those that are none. */
export function numberOf(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value === 'NaN' || value === null) return Number.NaN;
  return Number(value);
}

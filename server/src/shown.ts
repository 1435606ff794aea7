/** So much of a caller's text is said back to them, characters. */
const shownCharacters = 60;

/** A value out of a request, as an error message names it: short, whatever was sent, however deep. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value !== 'string') return String(value);
  return JSON.stringify(value.length > shownCharacters ? `${value.slice(0, shownCharacters)}…` : value);
}

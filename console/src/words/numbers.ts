import type { Score } from '../../../server/src/api.ts';

/** "1,234,567", as the server's sentences write it. */
export function count(value: number): string {
  return fixed(value, 0);
}

/** "3 labels", "1 label". */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

function fixed(value: number, digits: number): string {
  return value.toLocaleString('en-GB', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Decimals that a half width allows: as far as its first significant digit. */
function decimals(halfWidth: number): number {
  return halfWidth > 0 ? Math.min(6, Math.max(0, -Math.floor(Math.log10(halfWidth)))) : 0;
}

/** A share in per cent with no more digits than its uncertainty (half width) allows. */
export function percent(share: number, halfWidth = 0.01): string {
  return `${fixed(share * 100, decimals(halfWidth * 100))} %`;
}

export function number(value: number, digits = 3): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(digits - 1).replace('e', '·10^');
  return String(Number(value.toPrecision(digits)));
}

/** A PSI below a hundredth is nothing. */
export function psiText(value: number): string {
  return value < 0.01 ? '< 0.01' : number(value, 2);
}

export function scoreValue(score: Score): string {
  if (score.value === null) return '–';
  return score.metric === 'mae'
    ? fixed(score.value, decimals(half(score)))
    : percent(score.value, half(score));
}

/** "81 – 84 %". */
export function scoreBand(score: Score): string | null {
  if (score.low === null || score.high === null) return null;
  const digits = decimals(half(score) * (score.metric === 'mae' ? 1 : 100));
  if (score.metric === 'mae') return `${fixed(score.low, digits)} – ${fixed(score.high, digits)}`;
  return `${fixed(score.low * 100, digits)} – ${fixed(score.high * 100, digits)} %`;
}

/** What a version promised of itself, in its metric. */
export function promiseValue(promise: { metric: string; value: number } | null): string {
  if (!promise) return 'none';
  return promise.metric === 'accuracy' ? percent(promise.value) : number(promise.value);
}

function half(score: Score): number {
  return score.low === null || score.high === null ? 1 : (score.high - score.low) / 2;
}

export function milliseconds(value: number | null): string {
  if (value === null) return '–';
  return value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`;
}

export function bytes(value: number): string {
  if (value < 1000) return `${value} B`;
  if (value < 1e6) return `${number(value / 1e3)} kB`;
  return value < 1e9 ? `${number(value / 1e6)} MB` : `${number(value / 1e9)} GB`;
}

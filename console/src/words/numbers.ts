import type { Score } from '../../../server/src/api.ts';

const grouped = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 });

/** 1 234 567 with thin spaces. */
export function count(value: number): string {
  return grouped.format(value).replaceAll(',', '\u202f');
}

/** "3 labels", "1 label". */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** A share in per cent with no more digits than its uncertainty (half width) allows. */
export function percent(share: number, halfWidth = 0.01): string {
  return `${(share * 100).toFixed(halfWidth < 0.003 ? 1 : 0)} %`;
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
  if (score.metric === 'mae') return number(score.value);
  return percent(score.value, half(score));
}

/** "81 – 84 %". */
export function scoreBand(score: Score): string | null {
  if (score.low === null || score.high === null) return null;
  if (score.metric === 'mae') return `${number(score.low)} – ${number(score.high)}`;
  return `${percent(score.low, half(score)).replace(' %', '')} – ${percent(score.high, half(score))}`;
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

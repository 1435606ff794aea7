import { readFileSync } from 'node:fs';

/** The electricity stream in its own order; the first `trainedRows` are what the demo's versions were trained on. */
export const trainedRows = 9062;
export const features = ['period', 'nswprice', 'nswdemand', 'vicprice', 'vicdemand', 'transfer'];

export interface Electricity {
  rows: number[][];
  /** 1: the price went up. */
  labels: number[];
}

export function electricity(): Electricity {
  const file = new URL('../../../examples/electricity/elec.csv', import.meta.url);
  const lines = readFileSync(file, 'utf8').trim().split('\n').slice(1);
  const numbers = lines.map((line) => line.split(',').map(Number));
  return { rows: numbers.map((row) => row.slice(0, 6)), labels: numbers.map((row) => row[6]!) };
}

/** Half-hours from 7 May 1996, UTC. */
export function timeOf(row: number): number {
  return Date.UTC(1996, 4, 7) + row * 1_800_000;
}

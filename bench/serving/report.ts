import { seeded } from '../../server/test/models/forest/random-forest.ts';
import { type Load, quantile } from '../load.ts';

/** A contender's windows: what was answered in each, and the CPU seconds of the process that answered. */
export interface Series {
  name: string;
  loads: Load[];
  cpu: number[];
}

const resamples = 2000;

/** The first contender is what the others are compared with. `perRequest`: CPU seconds, loops' and control's share included. */
export function report(title: string, all: Series[], perRequest: { lanes: number; all: number }): void {
  console.log(title);
  const base = figuresOf(all[0]!);
  for (const series of all) {
    const { rate, cost, p50, p99 } = figuresOf(series);
    console.log(
      `  ${series.name.padEnd(18)} ${median(rate).toFixed(0).padStart(6)} requests/s  ${(1000 / median(cost)).toFixed(0).padStart(6)} per CPU second  p50 ${median(p50).toFixed(2)} ms  p99 ${median(p99).toFixed(2)} ms`,
    );
    if (series === all[0]) continue;
    console.log(
      `    ${ratio(base.cost, cost)}× the ${all[0]!.name} per CPU second, p50 ${ratio(p50, base.p50)}×, p99 ${ratio(p99, base.p99)}×`,
    );
  }
  console.log(
    `  CPU per 1,000 requests: lanes ${(perRequest.lanes * 1e6).toFixed(1)} ms, all of Slipway's processes ${(perRequest.all * 1e6).toFixed(1)} ms`,
  );
}

/** One value a window. `cost`: CPU ms a thousand requests. */
function figuresOf({ loads, cpu }: Series) {
  return {
    rate: loads.map((load) => load.requests / load.seconds),
    cost: loads.map((load, window) => (cpu[window]! * 1000) / load.requests),
    p50: loads.map((load) => quantile(load.latencies, 0.5)),
    p99: loads.map((load) => quantile(load.latencies, 0.99)),
  };
}

/** The ratio of two medians over windows, and its 95 % interval by bootstrap over rounds. */
export interface Ratio {
  value: number;
  from: number;
  to: number;
}

export function ratioOf(over: number[], under: number[]): Ratio {
  const random = seeded(1);
  const drawn = Array.from({ length: resamples }, () => {
    const picks = over.map(() => Math.floor(random() * over.length));
    return median(picks.map((k) => over[k]!)) / median(picks.map((k) => under[k]!));
  }).sort((a, b) => a - b);
  const at = (share: number): number => drawn[Math.floor(share * (resamples - 1))]!;
  return { value: median(over) / median(under), from: at(0.025), to: at(0.975) };
}

export function ratio(over: number[], under: number[]): string {
  const { value, from, to } = ratioOf(over, under);
  return `${value.toFixed(2)} [${from.toFixed(2)}, ${to.toFixed(2)}]`;
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

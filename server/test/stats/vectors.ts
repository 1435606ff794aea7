import { readFileSync } from 'node:fs';
import { expect } from 'vitest';

export interface Case<Input, Expected> {
  name: string;
  input: Input;
  expected: Expected;
  tolerance: { rel: number; abs: number };
}

/** Cases of spec/vectors/stats/NAME.json. */
export function cases<Input, Expected>(name: string): Case<Input, Expected>[] {
  const file = new URL(`../../../spec/vectors/stats/${name}.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { cases: Case<Input, Expected>[] }).cases;
}

export function expectWithin(
  actual: number,
  expected: number,
  tolerance: { rel: number; abs: number },
  what: string,
): void {
  const error = Math.abs(actual - expected);
  expect(error, `${what}: ${actual} for ${expected}`).toBeLessThanOrEqual(
    tolerance.abs + tolerance.rel * Math.abs(expected),
  );
}

import gammainc from '@stdlib/math-base-special-gammainc';

export interface ChiSquareTest {
  statistic: number;
  df: number;
  p: number;
}

/**
 * P(X > x) of the chi-square distribution: the upper regularised incomplete gamma function, right to 1e-9
 * relative far into the tail. Beyond 1,000 degrees of freedom, which no table here has, stdlib's is off by up to 2 %.
 */
export function chiSquareUpper(x: number, df: number): number {
  if (df <= 0) return 1;
  if (x <= 0) return 1;
  return gammainc(x / 2, df / 2, true, true);
}

/**
 * Pearson's test of homogeneity of a table (rows: samples; columns: categories), without a continuity
 * correction: whether samples come from one distribution, each with its own sampling error. Columns and rows without a count are left out.
 */
export function homogeneity(table: ArrayLike<number>[]): ChiSquareTest {
  const columns = table[0]?.length ?? 0;
  const rowSums = table.map((row) => {
    let sum = 0;
    for (let k = 0; k < columns; k++) sum += row[k]!;
    return sum;
  });
  const total = rowSums.reduce((a, b) => a + b, 0);
  let statistic = 0;
  let filledColumns = 0;
  for (let k = 0; k < columns; k++) {
    let columnSum = 0;
    for (const row of table) columnSum += row[k]!;
    if (columnSum === 0) continue;
    filledColumns++;
    for (let r = 0; r < table.length; r++) {
      if (rowSums[r] === 0) continue;
      const expected = (rowSums[r]! * columnSum) / total;
      statistic += (table[r]![k]! - expected) ** 2 / expected;
    }
  }
  const filledRows = rowSums.filter((sum) => sum > 0).length;
  const df = Math.max(0, filledRows - 1) * Math.max(0, filledColumns - 1);
  return { statistic, df, p: chiSquareUpper(statistic, df) };
}

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RetryBudget } from '../../../src/models/remote/retry-budget.ts';

test('a single request may be sent again', () => {
  const budget = new RetryBudget();
  budget.earn();
  expect(budget.spend()).toBe(true);
  expect(budget.spend()).toBe(false);
});

test('retries are at most a tenth of the requests and one, and ten in a row after a calm time', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 500 }), (wantsRetry) => {
      const budget = new RetryBudget();
      let retried = 0;
      for (const [i, wants] of wantsRetry.entries()) {
        budget.earn();
        if (wants && budget.spend()) retried++;
        expect(retried).toBeLessThanOrEqual(1 + (i + 1) / 10);
      }
    }),
  );
  const budget = new RetryBudget();
  for (let i = 0; i < 100_000; i++) budget.earn();
  let inARow = 0;
  while (budget.spend()) inARow++;
  expect(inARow).toBe(10);
});

import { expect, test } from 'vitest';
import type { VersionLoss } from '../../src/messages.ts';
import { Losses } from '../../src/processes/losses.ts';

test('control is told what it has not counted, again whenever there is more and when it is back', () => {
  const told: number[][] = [];
  const losses = new Losses((all: VersionLoss[]) => told.push(all.map(({ number }) => number)));
  const loss = { model: 'churn', version: 1, loss: { why: 'crash', detail: 'SIGSEGV' } } as const;
  losses.tell();
  losses.add(loss);
  losses.add(loss);
  losses.counted(1);
  losses.tell();
  losses.counted(2);
  losses.tell();
  expect(told).toEqual([[1], [1, 2], [2]]);
});

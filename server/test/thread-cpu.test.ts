import { expect, test } from 'vitest';
import { threadCpu } from '../src/thread-cpu.ts';

test('counts what took less than a tick of the system', () => {
  for (let i = 0; i < 20; i++) {
    const before = threadCpu();
    let sum = 0;
    for (let k = 0; k < 300_000; k++) sum += Math.sqrt(k);
    expect(sum).toBeGreaterThan(0);
    expect(threadCpu()).toBeGreaterThan(before);
  }
});

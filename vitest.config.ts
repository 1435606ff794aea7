import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['server/test/**/*.test.ts', 'client/test/**/*.test.ts', 'console/test/**/*.test.ts'],
    // Every test file may start real processes; two at a time is what two cores carry.
    pool: 'forks',
    // Processes that tests start need not compile Slipway each time.
    env: { NODE_COMPILE_CACHE: join(tmpdir(), 'slipway-test-compiled') },
    maxWorkers: 2,
    // For what hangs, not for what is slow: a machine may be busy with other things.
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});

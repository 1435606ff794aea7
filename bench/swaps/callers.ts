import { electricity } from '../../server/test/processes/harness.ts';
import { fire, post, quantile, type Shot } from '../load.ts';

/** What is asked of the callers: a steady load for so long. */
export interface Order {
  port: number;
  seconds: number;
  /** Requests a second; null: as many as are answered. */
  rate: number | null;
}

export interface Told {
  requests: number;
  seconds: number;
  wrong: number;
  firstWrong: string | null;
  /** ms */
  p99: number;
}

/**
 * Callers of the model "steady" in a process of their own, for whoever makes the changes is busy with files. The same
 * row must be answered the same whenever it is asked. Messages: Order in, Told out.
 */
const callers = 16;
const shots = electricity(9062, 19_062).map(({ features }): Shot => {
  let known: number | null = null;
  return {
    bytes: post('/predict/steady', JSON.stringify({ features })),
    check: ({ body }) => {
      const { probabilities } = JSON.parse(body.toString()) as { probabilities: { 1: number } };
      known ??= probabilities[1];
      if (probabilities[1] !== known) throw new Error('Another answer to the same row');
    },
  };
});

process.on('message', async ({ port, seconds, rate }: Order) => {
  const { latencies, ...load } = await fire(port, shots, callers, seconds, rate ?? undefined);
  const { requests, wrong, firstWrong } = load;
  const told: Told = { requests, wrong, firstWrong, seconds: load.seconds, p99: quantile(latencies, 0.99) };
  process.send!(told);
});
process.on('disconnect', () => process.exit(0));

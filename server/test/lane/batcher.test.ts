import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SlipwayError } from '../../src/errors.ts';
import type { Arm } from '../../src/lane/arm.ts';
import { Batcher } from '../../src/lane/batcher.ts';
import type { Model, Place } from '../../src/models/model.ts';
import { type Batching, naturalBatching } from '../../src/serving.ts';
import { type Frame, newFrame } from '../../src/tensor.ts';
import { type Cancellation, nobody } from '../../src/waiting.ts';
import { poison, signature } from './number-and-text.ts';

/** Answers a row by its number and its text alone; takes its time, as a runtime does. */
class Slow implements Model {
  readonly signature = signature;
  readonly calls: number[] = [];
  running = 0;
  mostAtOnce = 0;

  async predict({ rows, width, values, texts }: Frame, answers: Float64Array): Promise<void> {
    this.calls.push(rows);
    this.running++;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.running);
    await turn();
    this.running--;
    for (let row = 0; row < rows; row++) {
      const x = values[row * width]!;
      const text = values[row * width + 1]!;
      if (x === poison) throw new SlipwayError('PREDICTION_FAILED', 'poison');
      answers[row * 2] = Math.sin(x) * 1e6;
      answers[row * 2 + 1] = Number.isNaN(text)
        ? -1
        : [...texts[text]!].reduce((h, c) => h * 31 + c.charCodeAt(0), 7);
    }
  }
}

function armOf(model: Model, runs: Place, mostRows = 1000): Arm {
  return {
    model: 'm',
    version: { version: 1, signature },
    attached: model,
    width: 2,
    runs,
    callsAtOnce: runs === 'elsewhere' ? Number.POSITIVE_INFINITY : 1,
    mostRows,
    sliceRows: Number.POSITIVE_INFINITY,
    inFlight: 0,
    retired: false,
  } as unknown as Arm;
}

type Rows = { x: number; text: string | null }[];

/** As an edge makes one: texts that appear twice may be there once. */
function frameOf(rows: Rows, share: boolean): Frame {
  const frame = newFrame(rows.length, 2);
  for (const [row, { x, text }] of rows.entries()) {
    frame.values[row * 2] = x;
    const known = text === null || !share ? -1 : frame.texts.indexOf(text);
    frame.values[row * 2 + 1] = text === null ? Number.NaN : known >= 0 ? known : frame.texts.push(text) - 1;
  }
  return frame;
}

interface Outcome {
  answers: number[] | null;
  error: string | null;
}

function send(
  batcher: Batcher,
  batching: Batching,
  frame: Frame,
  deadline = Number.POSITIVE_INFINITY,
  cancellation: Cancellation = { cancelled: false, whenCancelled: () => {} },
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    let settled = 0;
    const settle = (outcome: Outcome): void => {
      if (++settled > 1) reject(new Error('settled twice'));
      resolve(outcome);
    };
    const { rows } = frame;
    batcher.add(
      {
        frame,
        rows,
        priority: 0,
        since: performance.now(),
        deadline,
        waiting: { ...nobody, cancellation },
        done: (answers) => settle({ answers: [...answers], error: null }),
        failed: (thrown) => settle({ answers: null, error: (thrown as SlipwayError).code }),
      },
      batching,
    );
  });
}

const row = fc.record({
  x: fc.oneof(
    { weight: 12, arbitrary: fc.double({ noNaN: false }) },
    { weight: 1, arbitrary: fc.constant(poison) },
  ),
  text: fc.oneof(fc.constant(null), fc.string({ maxLength: 6 })),
});

test('a call is given up when all that wait for it have gone, and not before', async () => {
  let gaveUp = 0;
  let answer = (): void => {};
  const model: Model = {
    signature,
    predict: (_frame, _answers, _texts, waiting = nobody) => {
      waiting.cancellation.whenCancelled(() => gaveUp++);
      return new Promise((resolve) => {
        answer = resolve;
      });
    },
  };
  const batching = { ...naturalBatching, maxSize: 10 };
  const parts = { onExecuted: () => {}, onSettled: () => {} };
  const batcher = new Batcher(armOf(model, 'elsewhere'), batching, parts);
  const gone: (() => void)[] = [];
  const outcomes = [1, 2, 3].map((x) =>
    send(batcher, batching, frameOf([{ x, text: null }], false), Number.POSITIVE_INFINITY, {
      cancelled: false,
      whenCancelled: (then) => void gone.push(then),
    }),
  );
  while (gone.length < 3) await turn();
  gone[2]!();
  gone[0]!();
  expect(gaveUp).toBe(0);
  gone[1]!();
  expect(gaveUp).toBe(1);
  answer();
  await Promise.all(outcomes);
});

test('whatever is merged is answered as it would be alone, to the bit, and fails alone', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          rows: fc.array(row, { minLength: 1, maxLength: 5 }),
          share: fc.boolean(),
          turns: fc.nat(2),
        }),
        { minLength: 1, maxLength: 25 },
      ),
      fc.integer({ min: 1, max: 30 }),
      fc.constantFrom<Place>('runtime', 'elsewhere'),
      fc.constantFrom(0, 1),
      async (requests, maxSize, runs, maxDelayMs) => {
        const batching = { ...naturalBatching, maxSize, maxDelayMs };
        const model = new Slow();
        const arm = armOf(model, runs);
        const order: number[] = [];
        const batcher = new Batcher(arm, batching, { onExecuted: () => {}, onSettled: () => {} });
        const outcomes: Promise<Outcome>[] = [];
        for (const [i, { rows, share, turns }] of requests.entries()) {
          for (let k = 0; k < turns; k++) await turn();
          const outcome = send(batcher, batching, frameOf(rows, share));
          void outcome.then(() => order.push(i));
          outcomes.push(outcome);
        }
        const got = await Promise.all(outcomes);
        for (const [i, { rows, share }] of requests.entries()) {
          const frame = frameOf(rows, share);
          const alone = new Float64Array(rows.length * 2);
          const failed = await new Slow().predict(frame, alone).then(
            () => false,
            () => true,
          );
          expect(got[i]).toEqual(
            failed ? { answers: null, error: 'PREDICTION_FAILED' } : { answers: [...alone], error: null },
          );
        }
        expect(arm.inFlight).toBe(0);
        const fails = requests.some(({ rows }) => rows.some(({ x }) => x === poison));
        if (!fails) {
          const largest = Math.max(maxSize, ...requests.map(({ rows }) => rows.length));
          for (const size of model.calls) expect(size).toBeLessThanOrEqual(largest);
          if (runs === 'runtime') {
            expect(model.mostAtOnce).toBe(1);
            expect(order).toEqual(requests.map((_, i) => i));
          }
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('what comes in one turn is one call, and what comes meanwhile is the next', async () => {
  const model = new Slow();
  const batcher = new Batcher(armOf(model, 'runtime'), naturalBatching, {
    onExecuted: () => {},
    onSettled: () => {},
  });
  const one = () => send(batcher, naturalBatching, frameOf([{ x: 1, text: 'a' }], false));
  const first = [one(), one(), one()];
  while (model.running === 0) await turn();
  const next = [one(), one()];
  await Promise.all([...first, ...next]);
  expect(model.calls).toEqual([3, 2]);
});

test('a lane is not held longer than by one request', async () => {
  const model = new Slow();
  const batcher = new Batcher(armOf(model, 'runtime', 2), naturalBatching, {
    onExecuted: () => {},
    onSettled: () => {},
  });
  await Promise.all(
    Array.from({ length: 5 }, () => send(batcher, naturalBatching, frameOf([{ x: 1, text: null }], false))),
  );
  expect(model.calls).toEqual([2, 2, 1]);
});

test('one that waits longer than it may is refused, though the model never comes back', async () => {
  const hangs: Model = { signature, predict: () => new Promise<void>(() => {}) };
  const arm = armOf(hangs, 'runtime');
  const batcher = new Batcher(arm, naturalBatching, { onExecuted: () => {}, onSettled: () => {} });
  void send(batcher, naturalBatching, frameOf([{ x: 1, text: null }], false));
  await turn();
  const late = await send(
    batcher,
    naturalBatching,
    frameOf([{ x: 2, text: null }], false),
    performance.now() + 5,
  );
  expect(late).toEqual({ answers: null, error: 'TIMEOUT' });
  expect(arm.inFlight).toBe(2);
});

test('an upstream in trouble is not asked again for each of those that it failed', async () => {
  let calls = 0;
  const gone: Model = {
    signature,
    predict: async () => {
      calls++;
      throw new SlipwayError('UPSTREAM_FAILED', 'gone');
    },
  };
  const batcher = new Batcher(armOf(gone, 'elsewhere'), naturalBatching, {
    onExecuted: () => {},
    onSettled: () => {},
  });
  const outcomes = await Promise.all(
    Array.from({ length: 4 }, () => send(batcher, naturalBatching, frameOf([{ x: 1, text: null }], false))),
  );
  expect(outcomes).toEqual(Array.from({ length: 4 }, () => ({ answers: null, error: 'UPSTREAM_FAILED' })));
  expect(calls).toBe(1);
});

test('the model is not asked for those that have gone', async () => {
  const model = new Slow();
  const batcher = new Batcher(armOf(model, 'runtime'), naturalBatching, {
    onExecuted: () => {},
    onSettled: () => {},
  });
  const gone = { cancelled: true, whenCancelled: () => {} };
  const frame = frameOf([{ x: 1, text: null }], false);
  const [first, second] = await Promise.all([
    send(batcher, naturalBatching, frame, Number.POSITIVE_INFINITY, gone),
    send(batcher, naturalBatching, frame),
  ]);
  expect(first.error).toBe('CANCELLED');
  expect(second.answers).toHaveLength(2);
  expect(model.calls).toEqual([1]);
});

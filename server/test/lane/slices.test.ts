import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Arm } from '../../src/lane/arm.ts';
import { inSlices, tooManySlices } from '../../src/lane/slices.ts';
import { kindNamed } from '../../src/models/kinds.ts';
import type { Model } from '../../src/models/model.ts';
import { answerWidth } from '../../src/signature.ts';
import { newFrame } from '../../src/tensor.ts';
import { nobody } from '../../src/waiting.ts';
import { seeded } from '../models/forest/random-forest.ts';
import { inRepository } from '../processes/harness.ts';

/** The forest of the example, as a lane has it. */
async function forest(): Promise<Model> {
  const kind = kindNamed('lightgbm');
  const path = inRepository('examples/electricity/model.txt');
  const { program, signature } = await kind.prepare({ main: 'model.txt', path }, {});
  return kind.attach(program, signature);
}

const attached = await forest();
const width = attached.signature.features.length;
const columns = answerWidth(attached.signature);
const arm = (sliceRows: number, microseconds = 1): Arm =>
  ({ attached, sliceRows, width: columns, version: { microseconds } }) as unknown as Arm;

function rowsOf(count: number, seed: number) {
  const random = seeded(seed);
  const frame = newFrame(count, width);
  for (let i = 0; i < frame.values.length; i++) frame.values[i] = random() < 0.05 ? Number.NaN : random();
  const whole = new Float64Array(count * columns);
  void attached.predict(frame, whole, []);
  return { frame, whole, answers: new Float64Array(count * columns) };
}

test('however its rows are cut, a request is answered as it is at once', async () => {
  for (const [count, sliceRows] of [
    [1, 1],
    [10, 3],
    [64, 64],
    [1000, 7],
    [1001, 1000],
  ] as const) {
    const { frame, whole, answers } = rowsOf(count, count);
    await inSlices(arm(sliceRows), frame, answers, [], nobody);
    expect(answers).toEqual(whole);
  }
});

test('others have their turn after every slice, of one request or of several', async () => {
  const long = [rowsOf(100, 1), rowsOf(100, 2), rowsOf(10, 3)];
  let open = long.length;
  const ended: number[] = [];
  const all = Promise.all(
    long.map(async ({ frame, answers, whole }, k) => {
      await inSlices(arm(10), frame, answers, [], nobody);
      expect(answers).toEqual(whole);
      ended.push(k);
      open--;
    }),
  );
  let turns = 0;
  let answered = 0;
  for (; open > 0; turns++) {
    const before = long.map(({ answers }) => answers.findLastIndex((value) => value !== 0) + 1);
    await turn();
    const after = long.map(({ answers }) => answers.findLastIndex((value) => value !== 0) + 1);
    const rows = after.reduce((sum, value, k) => sum + value - before[k]!, 0) / columns;
    expect(rows).toBeLessThanOrEqual(10);
    answered += rows;
  }
  await all;
  expect(answered).toBe(210);
  expect(turns).toBeGreaterThanOrEqual(21);
  // The short one does not wait for those that came before it.
  expect(ended[0]).toBe(2);
});

test('what nobody waits for any more is not worked on', async () => {
  const { frame, answers } = rowsOf(100, 4);
  const cancellation = { cancelled: false, whenCancelled: () => {} };
  const gone = inSlices(arm(10), frame, answers, [], { ...nobody, cancellation });
  await turn();
  cancellation.cancelled = true;
  await expect(gone).rejects.toThrow(expect.objectContaining({ code: 'CANCELLED' }));
  expect(answers.at(-1)).toBe(0);
  const late = inSlices(arm(10), frame, answers, [], { ...nobody, deadline: performance.now() - 1 });
  await expect(late).rejects.toThrow(expect.objectContaining({ code: 'TIMEOUT' }));
});

test('too many that wait are known, and forgotten when they are answered, given up or failed', async () => {
  const slow = arm(10, 2000);
  const failing = {
    ...slow,
    attached: {
      predict: () => {
        throw new Error('no');
      },
    },
  } as unknown as Arm;
  expect(tooManySlices()).toBe(false);
  for (const [one, deadline] of [
    [slow, Infinity],
    [slow, 0],
    [failing, Infinity],
  ] as const) {
    const { frame, answers } = rowsOf(40, 5);
    const first = inSlices(one, frame, answers, [], { ...nobody, deadline }).catch(() => {});
    expect(tooManySlices()).toBe(false);
    const second = inSlices(one, frame, answers, [], { ...nobody, deadline }).catch(() => {});
    expect(tooManySlices()).toBe(true);
    await Promise.all([first, second]);
    expect(tooManySlices()).toBe(false);
  }
});

import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { SlipwayError } from '../../src/errors.ts';
import { ScorerLine } from '../../src/lane/scorer-line.ts';
import { type Link, listen } from '../../src/link/link.ts';
import type { LaneToScorer, ScorerToLane } from '../../src/messages.ts';
import type { Model } from '../../src/models/model.ts';
import { Scorer } from '../../src/scorer/scorer.ts';
import { type Frame, newFrame } from '../../src/tensor.ts';
import { intoTexts, textAt } from '../../src/texts.ts';
import { type Cancellation, nobody } from '../../src/waiting.ts';
import { poison, signature } from './number-and-text.ts';

/** A lane's line and a scorer at its two ends, over a socket of the system's. */
const folder = mkdtempSync(join(tmpdir(), 'slipway-line-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Answers a row by its number and its text; it goes on when it is let go. */
class Gated implements Model {
  readonly signature = signature;
  calls = 0;
  atOnce = 0;
  mostAtOnce = 0;
  gate: Promise<void> = Promise.resolve();

  /** Whatever is asked waits until what this returns is called. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.gate = promise;
    return resolve;
  }

  async predict({ rows, width, values, texts }: Frame, answers: Float64Array, out: string[]): Promise<void> {
    this.calls++;
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.atOnce);
    await this.gate;
    this.atOnce--;
    for (let row = 0; row < rows; row++) {
      const x = values[row * width]!;
      if (x === poison) throw new SlipwayError('PREDICTION_FAILED', 'poison');
      answers[row * 2] = Math.sin(x);
      answers[row * 2 + 1] = intoTexts(`${texts[values[row * width + 1]!]}!`, out);
    }
  }
}

interface End {
  one: Scorer;
  model: Gated;
  links: Link<LaneToScorer, ScorerToLane>[];
  server: Server;
}
let sockets = 0;
const newPath = () => join(folder, `${sockets++}.sock`);

async function scorer(path: string): Promise<End> {
  const model = new Gated();
  const one = new Scorer(model, () => {});
  const links: End['links'] = [];
  const server = await listen<LaneToScorer, ScorerToLane>(path, (link) => {
    links.push(link);
    one.met(link);
  });
  return { one, model, links, server };
}

function end({ server, links }: End): Promise<void> {
  for (const link of links) link.close();
  return new Promise((resolve) => server.close(() => resolve()));
}

type Row = { x: number; text: string };

async function ask(
  line: ScorerLine,
  rows: Row[],
  deadline = Number.POSITIVE_INFINITY,
  cancellation = nobody.cancellation,
): Promise<unknown[]> {
  const frame = newFrame(rows.length, 2);
  for (const [row, { x, text }] of rows.entries()) {
    frame.values[row * 2] = x;
    frame.values[row * 2 + 1] = frame.texts.push(text) - 1;
  }
  const answers = new Float64Array(rows.length * 2);
  const texts: string[] = [];
  try {
    await line.predict(frame, answers, texts, { ...nobody, deadline, cancellation });
  } catch (thrown) {
    return [(thrown as SlipwayError).code];
  }
  return rows.flatMap((_, row) => [answers[row * 2], textAt(answers[row * 2 + 1]!, texts)]);
}

const wanted = (rows: Row[]): unknown[] =>
  rows.some(({ x }) => x === poison)
    ? ['PREDICTION_FAILED']
    : rows.flatMap(({ x, text }) => [Math.sin(x), `${text}!`]);

const anyRow = fc.record({
  x: fc.oneof({ weight: 9, arbitrary: fc.double({ min: 0, max: 1e9, noNaN: true }) }, fc.constant(poison)),
  text: fc.string({ unit: 'binary', maxLength: 6 }),
});

test('each of two lanes’ requests gets its own answer, or its own error, and the model one call at a time', async () => {
  const path = newPath();
  const far = await scorer(path);
  const lanes = [new ScorerLine(path, signature, 1, () => {}), new ScorerLine(path, signature, 1, () => {})];
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(anyRow, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 30 }),
      async (requests) => {
        const all = await Promise.all(requests.map((rows, i) => ask(lanes[i % 2]!, rows)));
        for (const [i, rows] of requests.entries()) expect(all[i]).toEqual(wanted(rows));
      },
    ),
    { numRuns: 60 },
  );
  expect(far.model.mostAtOnce).toBe(1);
  for (const lane of lanes) lane.close();
  await end(far);
});

test('when the scorer goes, only what it may have begun is lost: the next one answers the rest', async () => {
  const path = newPath();
  const first = await scorer(path);
  first.model.gate = new Promise(() => {});
  const line = new ScorerLine(path, signature, 1, () => {});
  const rows = Array.from({ length: 20 }, (_, x) => [{ x, text: `${x}` }]);
  const all = Promise.all(rows.map((one) => ask(line, one)));
  while (first.model.calls === 0) await turn();
  await end(first);
  const second = await scorer(path);
  const [lost, ...others] = await all;
  expect(lost).toEqual(['SCORER_LOST']);
  expect(others).toEqual(rows.slice(1).map(wanted));
  line.close();
  await end(second);
});

test('a socket that connects but has nobody behind it any more costs nothing', async () => {
  const path = newPath();
  const { promise: connected, resolve } = Promise.withResolvers<void>();
  const ending = await listen<LaneToScorer, ScorerToLane>(path, (link) => {
    // As long as what has been sent takes to leave.
    setTimeout(() => link.close(), 50);
    resolve();
  });
  const line = new ScorerLine(path, signature, 1, () => {});
  const rows = Array.from({ length: 5 }, (_, x) => [{ x, text: `${x}` }]);
  const all = Promise.all(rows.map((one) => ask(line, one)));
  await connected;
  await new Promise((done) => ending.close(done));
  const next = await scorer(path);
  expect(await all).toEqual(rows.map(wanted));
  line.close();
  await end(next);
});

test('a request that is late leaves alone, keeps its place with the scorer, and holds up nobody after it', async () => {
  const path = newPath();
  const far = await scorer(path);
  const go = far.model.hold();
  const line = new ScorerLine(path, signature, 0, () => {});
  const late = ask(line, [{ x: 1, text: 'late' }], performance.now() + 30);
  const patient = ask(line, [{ x: 2, text: 'patient' }]);
  expect(await late).toEqual(['TIMEOUT']);
  go();
  expect(await patient).toEqual(wanted([{ x: 2, text: 'patient' }]));
  line.close();
  await end(far);
});

test('what could not be answered by its deadline, as calls take, is refused at once', async () => {
  const path = newPath();
  const far = await scorer(path);
  far.model.gate = new Promise(() => {});
  // A tenth of a second a row.
  const line = new ScorerLine(path, signature, 100_000, () => {});
  void ask(line, [{ x: 1, text: '' }]);
  const soon = () => performance.now() + 60_000;
  for (let i = 0; i < 9; i++)
    void ask(
      line,
      Array.from({ length: 70 }, () => ({ x: 1, text: '' })),
      soon(),
    );
  expect(await ask(line, [{ x: 1, text: '' }], soon())).toEqual(['OVERLOADED']);
  // Nobody waits for more than a thousand, whatever their deadlines.
  const patient = Array.from({ length: 1000 }, () => ask(line, [{ x: 1, text: '' }]));
  expect(await Promise.race(patient)).toEqual(['OVERLOADED']);
  line.close();
  await end(far);
});

test('one that leaves answers what it has taken; the rest waits for the next, which the line asks for', async () => {
  const path = newPath();
  const first = await scorer(path);
  const open = first.model.hold();
  let asked = 0;
  const line = new ScorerLine(path, signature, 1, () => asked++);
  const rows = Array.from({ length: 20 }, (_, x) => [{ x, text: `${x}` }]);
  const all = Promise.all(rows.map((one) => ask(line, one)));
  while (first.model.calls === 0) await turn();
  expect(asked).toBe(0);
  const left = first.one.left();
  first.one.leave();
  await new Promise<void>((resolve) => {
    first.server.close(() => resolve());
    open();
  });
  await left;
  expect(first.model.calls).toBe(2);
  while (asked === 0) await turn();
  const second = await scorer(path);
  expect(await all).toEqual(rows.map(wanted));
  expect(second.model.calls).toBe(18);
  // Nothing waits any more when this one leaves: nobody asks for another.
  second.one.leave();
  await new Promise((resolve) => second.server.close(resolve));
  for (let turns = 0; turns < 20; turns++) await turn();
  expect(asked).toBe(1);
  expect(await ask(line, [{ x: 1, text: '' }], performance.now() + 60)).toEqual(['MODEL_LOADING']);
  expect(asked).toBe(2);
  const third = await scorer(path);
  expect(await ask(line, [{ x: 2, text: '' }])).toEqual(wanted([{ x: 2, text: '' }]));
  line.close();
  await end(third);
});

/** A caller who may go. */
function caller(): { cancellation: Cancellation; go: () => void } {
  const told: (() => void)[] = [];
  const cancellation = { cancelled: false, whenCancelled: (then: () => void) => void told.push(then) };
  const go = (): void => {
    cancellation.cancelled = true;
    for (const then of told) then();
  };
  return { cancellation, go };
}

test('who goes is told at once and makes room; the model is not asked for those whom it has not begun with', async () => {
  const path = newPath();
  const far = await scorer(path);
  const open = far.model.hold();
  const line = new ScorerLine(path, signature, 1, () => {});
  const never = Number.POSITIVE_INFINITY;
  const callers = Array.from({ length: 1002 }, caller);
  const asked = ({ cancellation }: (typeof callers)[0]) =>
    ask(line, [{ x: 1, text: '' }], never, cancellation);
  const all = callers.slice(0, 2).map(asked);
  while (far.model.calls === 0) await turn();
  all.push(...callers.slice(2).map(asked));
  expect(await ask(line, [{ x: 1, text: '' }])).toEqual(['OVERLOADED']);
  // The first is with the model, the second with the scorer; all others wait in the lane.
  for (const { go } of callers) go();
  expect(await Promise.all(all)).toEqual(callers.map(() => ['CANCELLED']));
  const next = ask(line, [{ x: 7, text: 'next' }]);
  open();
  expect(await next).toEqual(wanted([{ x: 7, text: 'next' }]));
  expect(far.model.calls).toBe(2);
  expect(await ask(line, [{ x: 8, text: '' }], never, callers[0]!.cancellation)).toEqual(['CANCELLED']);
  line.close();
  await end(far);
});

test('who goes while the scorer is being replaced is not asked for again', async () => {
  const path = newPath();
  const first = await scorer(path);
  first.model.gate = new Promise(() => {});
  const line = new ScorerLine(path, signature, 1, () => {});
  const callers = Array.from({ length: 3 }, caller);
  const all = callers.map(({ cancellation }, x) =>
    ask(line, [{ x, text: '' }], Number.POSITIVE_INFINITY, cancellation),
  );
  while (first.model.calls === 0) await turn();
  callers[1]!.go();
  await end(first);
  callers[2]!.go();
  const second = await scorer(path);
  expect(await Promise.all(all)).toEqual([['SCORER_LOST'], ['CANCELLED'], ['CANCELLED']]);
  expect(await ask(line, [{ x: 4, text: 'next' }])).toEqual(wanted([{ x: 4, text: 'next' }]));
  expect(second.model.calls).toBe(1);
  line.close();
  await end(second);
});

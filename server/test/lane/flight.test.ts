import { expect, test } from 'vitest';
import { SlipwayError } from '../../src/errors.ts';
import { AnswerCache } from '../../src/lane/answer-cache.ts';
import type { Arm } from '../../src/lane/arm.ts';
import { Flight } from '../../src/lane/flight.ts';
import { type Cancellation, nobody } from '../../src/waiting.ts';

/** A caller that may go. */
class Leaving implements Cancellation {
  cancelled = false;
  readonly #listeners: (() => void)[] = [];

  whenCancelled(then: () => void): void {
    this.#listeners.push(then);
  }

  go(): void {
    this.cancelled = true;
    for (const then of this.#listeners) then();
  }
}

function begin() {
  const arm = { inFlight: 0, retired: false } as unknown as Arm;
  const cache = new AnswerCache(1000);
  const first = new Leaving();
  const flight = new Flight(arm, cache, 'rows', first);
  const outcomes: string[] = [];
  const follow = (name: string, deadline = Number.POSITIVE_INFINITY, done = (): void => {}): Leaving => {
    const cancellation = new Leaving();
    flight.join({
      waiting: { ...nobody, deadline, cancellation },
      done: (answers, texts) => {
        done();
        outcomes.push(`${name} ${answers[0]} ${texts[0]}`);
      },
      again: () => outcomes.push(`${name} again`),
      failed: (thrown) => outcomes.push(`${name} ${(thrown as { code?: string }).code ?? thrown}`),
    });
    return cancellation;
  };
  return { arm, cache, first, flight, outcomes, follow };
}

test('all who follow get the answer, each once, and what goes wrong with one is its own', () => {
  const { arm, cache, flight, outcomes, follow } = begin();
  follow('a');
  const gone = follow('b');
  follow('c', undefined, () => {
    throw new SlipwayError('INVALID_REQUEST', 'No such output.');
  });
  follow('d');
  expect([arm.inFlight, cache.flights.get('rows')]).toEqual([4, flight]);
  gone.go();
  flight.land(Float64Array.of(0.5), ['yes']);
  gone.go();
  flight.fail(new Error('late'));
  expect(outcomes).toEqual(['b CANCELLED', 'a 0.5 yes', 'c INVALID_REQUEST', 'd 0.5 yes']);
  expect([arm.inFlight, cache.flights.size]).toEqual([0, 0]);
});

test('the call is given up when all have gone, whoever goes first', () => {
  const { first, flight, follow } = begin();
  let given = 0;
  flight.whenCancelled(() => given++);
  const [a, b] = [follow('a'), follow('b')];
  first.go();
  a!.go();
  expect([flight.cancelled, given]).toEqual([false, 0]);
  b!.go();
  expect([flight.cancelled, given]).toEqual([true, 1]);
  const alone = begin();
  alone.flight.whenCancelled(() => given++);
  alone.first.go();
  expect([alone.flight.cancelled, given]).toEqual([true, 2]);
});

test('what ended for its caller’s sake is asked again by the others, any other failure is all of theirs', () => {
  for (const [code, told] of [
    ['TIMEOUT', 'again'],
    ['CANCELLED', 'again'],
    ['PREDICTION_FAILED', 'PREDICTION_FAILED'],
  ] as const) {
    const { arm, flight, outcomes, follow } = begin();
    follow('a');
    follow('b');
    flight.fail(new SlipwayError(code, 'It did not work.'));
    expect(outcomes).toEqual([`a ${told}`, `b ${told}`]);
    expect(arm.inFlight).toBe(0);
  }
});

test('nobody waits longer than it may; a learner’s update lets none follow what is older', async () => {
  const { cache, flight, outcomes, follow } = begin();
  follow('long');
  await new Promise<void>((resolve) => {
    const { outcomes: told, follow: hurry } = begin();
    hurry('short', performance.now() + 5);
    const look = (): void =>
      void (told.length > 0 ? resolve(expect(told).toEqual(['short TIMEOUT'])) : setTimeout(look, 1));
    look();
  });
  cache.clear();
  expect(cache.flights.size).toBe(0);
  const next = new Flight({ inFlight: 0, retired: false } as unknown as Arm, cache, 'rows', new Leaving());
  flight.land(Float64Array.of(1), ['old']);
  expect(outcomes).toEqual(['long 1 old']);
  expect(cache.flights.get('rows')).toBe(next);
});

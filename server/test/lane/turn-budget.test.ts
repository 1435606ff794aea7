import { describe, expect, test } from 'vitest';
import { TurnBudget, type TurnStart } from '../../src/lane/turn-budget.ts';
import { seeded } from '../models/forest/random-forest.ts';

/** Of a lane that has nothing to do. */
const start: TurnStart = { now: 0, worked: 0, held: 0, unread: 0, waited: 0, isCrowded: false };

interface Lane {
  /** What an answer and a refusal cost, ms. */
  answer: number;
  refusal: number;
  /** Arrivals a ms at a time. */
  rate: (at: number) => number;
  until: number;
  /** Another process has the core after a turn, ms. */
  stall?: (random: () => number) => number;
}

/** A lane as it is: reads all that has come, works, and answers at the turn's end. [due, ms it took] of each request. */
function simulate({ answer, refusal, rate, until, stall = () => 0 }: Lane, seed = 1) {
  const random = seeded(seed);
  const budget = new TurnBudget(50);
  const answered: [number, number][] = [];
  const refused: [number, number][] = [];
  let waiting: number[] = [];
  let clock = 0;
  let due = 0;
  let began = 0;
  let worked = 0;
  let spare = true;
  const arrive = (): void => {
    due += -Math.log(1 - random()) / rate(due);
  };
  arrive();
  while (clock < until) {
    for (; due <= clock; arrive()) waiting.push(due);
    if (waiting.length === 0) {
      clock = due;
      spare = true;
      continue;
    }
    budget.turn({ ...start, now: clock, worked, waited: spare ? 0 : clock - began });
    [began, spare] = [clock, false];
    const taken: number[] = [];
    for (const one of waiting) {
      if (budget.isSpent(clock)) {
        budget.refuse();
        clock += refusal;
        refused.push([one, clock - one]);
      } else {
        budget.begin();
        clock += answer / 2;
        taken.push(one);
      }
    }
    waiting = [];
    for (const one of taken) {
      clock += answer / 2;
      answered.push([one, clock - one]);
    }
    clock += stall(random);
    worked = clock - began;
  }
  return { answered, refused };
}

/**
 * A lane whose model is a library that takes a call a turn: `reading` ms for each request, `call` ms for each call and
 * `row` for each of the up to `merged` requests in it; what a turn reads waits for the calls before it.
 */
function simulateHeld(
  { reading, call, row, merged }: { [what in 'reading' | 'call' | 'row' | 'merged']: number },
  rate: (at: number) => number,
  until: number,
  seed = 1,
) {
  const random = seeded(seed);
  const budget = new TurnBudget(50);
  const answered: [number, number][] = [];
  const refused: [number, number][] = [];
  const held: { due: number; since: number }[] = [];
  let [clock, due, began, worked, spare] = [0, 0, 0, 0, true];
  const arrive = (): void => {
    due += -Math.log(1 - random()) / rate(due);
  };
  arrive();
  while (clock < until) {
    if (due > clock && held.length === 0) [clock, spare] = [due, true];
    const from = clock;
    if (due <= clock) {
      const oldest = held[0] ? held[0].since : clock;
      const waited = spare ? 0 : clock - Math.min(began, oldest);
      budget.turn({ ...start, now: clock, worked, held: held.length, waited });
      worked = 0;
      [began, spare] = [clock, false];
      for (; due <= from; arrive()) {
        const isSpent = budget.isSpent(clock);
        clock += isSpent ? refusal : reading;
        if (isSpent) {
          budget.refuse();
          refused.push([due, clock - due]);
        } else {
          budget.begin();
          held.push({ due, since: clock });
        }
      }
    }
    const next = held.splice(0, merged);
    if (next.length > 0) clock += call + row * next.length;
    worked += clock - from;
    for (const one of next) answered.push([one.due, clock - one.due]);
  }
  return { answered, refused };
}

/**
 * A lane whose callers connect for each request: a turn accepts `mostAccepted` connections at most, and the system drops
 * what comes when `backlog` wait. Costs in ms. `lost`: when those were due.
 */
function simulateConnecting(
  {
    accept,
    answer,
    refusal,
    mostAccepted,
    backlog,
  }: { [what in 'accept' | 'answer' | 'refusal' | 'mostAccepted' | 'backlog']: number },
  rate: number,
  until: number,
  seed = 1,
) {
  const random = seeded(seed);
  const budget = new TurnBudget(50);
  const answered: [number, number][] = [];
  const lost: number[] = [];
  const queue: number[] = [];
  let accepted: number[] = [];
  let [clock, due, began, worked, spare, crowdedSince] = [0, 0, 0, 0, true, Number.POSITIVE_INFINITY];
  while (clock < until) {
    for (; due <= clock; due += -Math.log(1 - random()) / rate)
      (queue.length < backlog ? queue : lost).push(due);
    if (queue.length === 0 && accepted.length === 0) {
      [clock, spare] = [due, true];
      continue;
    }
    const isCrowded = accepted.length >= mostAccepted;
    crowdedSince = isCrowded ? Math.min(crowdedSince, began) : Number.POSITIVE_INFINITY;
    const waited = spare ? 0 : Math.max(clock - began, clock - crowdedSince, 0);
    budget.turn({ ...start, now: clock, worked, waited, isCrowded });
    [began, spare] = [clock, false];
    const taken: number[] = [];
    // What was accepted in the turn before is read in this one.
    for (const one of accepted) {
      const isSpent = budget.isSpent(clock);
      clock += isSpent ? refusal : answer;
      if (isSpent) {
        budget.refuse();
        continue;
      }
      budget.begin();
      taken.push(one);
    }
    for (const one of taken) answered.push([one, clock - one]);
    accepted = queue.splice(0, mostAccepted);
    clock += accept * accepted.length;
    worked = clock - began;
  }
  return { answered, lost };
}

/** Of a request by its head, ms. */
const refusal = 0.02;

/** Answers within 50 ms of those that were due in a span, as a share of what the lane can answer in it. */
function goodput(answered: [number, number][], from: number, to: number, answer: number): number {
  const good = answered.filter(([due, took]) => due >= from && due < to && took <= 50);
  return (good.length * answer) / (to - from);
}

describe.each([0.02, 0.1, 0.25, 1, 4])('requests of %s ms', (answer) => {
  test('up to 0.9 of the capacity, none is refused', () => {
    for (const load of [0.3, 0.6, 0.9]) {
      const { refused } = simulate({ answer, refusal: 0.011, rate: () => load / answer, until: 2000 });
      // Heavy ones come in bunches that no queue of 15 ms holds.
      expect(refused.length, `${load}`).toBeLessThanOrEqual(answer < 1 ? 0 : (0.08 * 2000) / answer);
    }
  });

  test('a quarter of a second after too many, all are answered at once', () => {
    const rate = (at: number): number => (at < 1000 ? 2 : 0.5) / answer;
    const { answered, refused } = simulate({ answer, refusal: answer / 5, rate, until: 3000 });
    expect(refused.length).toBeGreaterThan(0);
    const late = [...answered, ...refused].filter(([due, took]) => due > 1250 && took > 50);
    expect(late).toEqual([]);
    expect(refused.filter(([due]) => due > 1250)).toEqual([]);
  });
});

test('of heavy requests at twice the capacity, nine tenths of the capacity are answered in time', () => {
  for (const answer of [0.2, 0.3, 0.5, 1, 2])
    for (let seed = 1; seed <= 5; seed++) {
      const lane = { answer, refusal: 0.014, rate: () => 2 / answer, until: 4000 };
      expect(goodput(simulate(lane, seed).answered, 500, 3900, answer), `${answer}`).toBeGreaterThan(0.9);
    }
});

test('where to refuse costs half of an answer, two fifths are left at 1.5 times the capacity', () => {
  for (let seed = 1; seed <= 5; seed++) {
    const lane = { answer: 0.02, refusal: 0.01, rate: () => 1.5 / 0.02, until: 3000 };
    expect(goodput(simulate(lane, seed).answered, 1000, 2900, 0.02)).toBeGreaterThan(0.4);
  }
});

test('refusals come at once', () => {
  const { refused } = simulate({ answer: 0.25, refusal: 0.014, rate: () => 8, until: 3000 });
  const late = refused.filter(([due, took]) => due > 500 && took > 50);
  expect(late.length / refused.length).toBeLessThan(0.01);
});

test('a core that is shared with others is no overload', () => {
  const stall = (random: () => number): number => (random() < 0.2 ? 10 + 80 * random() : 0);
  for (let seed = 1; seed <= 5; seed++) {
    // A closed loop of eight callers, who begin anew as soon as they are answered.
    const random = seeded(seed);
    const budget = new TurnBudget(50);
    let clock = 0;
    let began = 0;
    for (let turn = 0; turn < 2000; turn++) {
      budget.turn({ ...start, now: clock, worked: clock - began, waited: clock - began });
      began = clock;
      for (let caller = 0; caller < 8; caller++) {
        if (budget.isSpent(clock)) throw new Error(`refused in turn ${turn} of seed ${seed}`);
        budget.begin();
        clock += 0.3 + stall(random) / 8;
      }
    }
  }
});

describe('callers who each wait for their answer', () => {
  /** [refused, longest turn] of turns in which each of them asks once; a lane that may be late now and then. */
  function closedLoop(callers: number, answer: number, maxWait: number, stall: number, seed: number) {
    const random = seeded(seed);
    const budget = new TurnBudget(maxWait);
    let [clock, began, refused, longest] = [0, 0, 0, 0];
    for (let turn = 0; turn < 2000; turn++) {
      budget.turn({ ...start, now: clock, worked: clock - began, waited: clock - began });
      longest = Math.max(longest, clock - began);
      began = clock;
      for (let caller = 0; caller < callers; caller++) {
        if (budget.isSpent(clock)) {
          budget.refuse();
          refused++;
          clock += refusal;
        } else {
          budget.begin();
          clock += answer * (0.9 + 0.2 * random());
        }
      }
      if (random() < 0.02) clock += stall * random();
    }
    return { refused, longest };
  }

  test.each([
    [60, 0.3, 50],
    [32, 0.5, 50],
    [16, 1, 50],
    [4, 12, 50],
    [128, 1, 500],
  ])(
    'are all answered where that takes no longer than it may: %i of %s ms within %i',
    (...[callers, answer, maxWait]) => {
      for (let seed = 1; seed <= 5; seed++)
        expect(closedLoop(callers, answer, maxWait, 4 * maxWait, seed).refused, `seed ${seed}`).toBe(0);
    },
  );

  test('are all answered again when those who were too many have gone', () => {
    const budget = new TurnBudget(50);
    let [clock, began, refusedLately] = [0, 0, 0];
    while (clock < 20_000) {
      budget.turn({ ...start, now: clock, worked: clock - began, waited: clock - began });
      began = clock;
      const callers = clock > 1000 && clock < 2000 ? 300 : 60;
      for (let caller = 0; caller < callers; caller++) {
        if (!budget.isSpent(clock)) {
          budget.begin();
          clock += 0.3;
          continue;
        }
        budget.refuse();
        if (clock > 8000) refusedLately++;
        clock += refusal;
      }
    }
    expect(refusedLately).toBe(0);
  });

  test.each([
    [200, 0.3],
    [64, 1],
    [1000, 0.1],
  ])('are refused, some of them, where it would: %i of %s ms', (callers, answer) => {
    const { refused, longest } = closedLoop(callers, answer, 50, 0, 1);
    expect(refused).toBeGreaterThan(0);
    expect(longest).toBeLessThan(110);
  });
});

test('a burst that is over in a tenth of a second is answered whole', () => {
  const budget = new TurnBudget(50);
  budget.turn({ ...start, now: 1000 });
  for (let k = 0; k < 400; k++) {
    expect(budget.isSpent(1000 + k * 0.249)).toBe(false);
    budget.begin();
  }
  expect(budget.isSpent(1100)).toBe(true);
  // The next turn begins late, but it is the first.
  budget.turn({ ...start, now: 1100, worked: 100, waited: 100 });
  budget.turn({ ...start, now: 1101, worked: 1, waited: 1 });
  expect(budget.isSpent(1101)).toBe(false);
});

describe('of requests of a library that takes a call a turn', () => {
  const kinds = [
    { reading: 0.5, call: 0.5, row: 0, merged: 1 },
    { reading: 0.1, call: 0.9, row: 0, merged: 1 },
    { reading: 0.05, call: 1, row: 0.01, merged: 64 },
    { reading: 0.05, call: 0.1, row: 0.5, merged: 64 },
  ];
  /** Of the capacity, where a refusal takes such a share of an answer: of any limit. */
  const leftAt = (load: number, share: number): number => (1 - load * share) / (1 - share);
  const costOf = ({ reading, call, row, merged }: (typeof kinds)[0]): number => reading + row + call / merged;

  test.each(kinds)('at twice the capacity all that refusing leaves of it is answered in time: %j', (kind) => {
    const cost = costOf(kind);
    for (let seed = 1; seed <= 5; seed++) {
      const { answered } = simulateHeld(kind, () => 2 / cost, 4000, seed);
      expect(goodput(answered, 500, 3900, cost)).toBeGreaterThan(0.95 * leftAt(2, refusal / cost));
    }
  });

  test.each(kinds)(
    'hardly any is refused at four fifths of it, and none soon after it was too much: %j',
    (kind) => {
      const cost = costOf(kind);
      const { answered, refused } = simulateHeld(kind, () => 0.8 / cost, 3000);
      expect(refused.length).toBeLessThanOrEqual(0.05 * answered.length);
      const over = simulateHeld(kind, (at) => (at < 1000 ? 2 : 0.5) / cost, 3000);
      expect(over.refused.length).toBeGreaterThan(0);
      const late = [...over.answered, ...over.refused].filter(([at, took]) => at > 1250 && took > 50);
      expect(late).toEqual([]);
      expect(over.refused.filter(([at]) => at > 1250)).toEqual([]);
    },
  );
});

test('of callers who connect for each request as many are answered in time as accepting the others leaves', () => {
  const costs = { accept: 0.06, answer: 0.3, refusal: 0.02, mostAccepted: 16, backlog: 511 };
  const whole = costs.accept + costs.answer;
  const share = (costs.accept + costs.refusal) / whole;
  for (const load of [1.2, 1.5, 2, 3])
    for (let seed = 1; seed <= 5; seed++) {
      const { answered, lost } = simulateConnecting(costs, load / whole, 4000, seed);
      const left = (1 - load * share) / (1 - share);
      expect(goodput(answered, 500, 3900, whole), `${load}`).toBeGreaterThan((load < 3 ? 0.95 : 0.85) * left);
      expect(lost.filter((due) => due > 500)).toEqual([]);
    }
});

test('a lane with little to do that another process stops for a moment refuses nobody', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = seeded(seed);
    const budget = new TurnBudget(50);
    let clock = 0;
    for (let turn = 0; turn < 500; turn++) {
      // Mostly it has time to spare; now and then its turn has begun late, and its eight callers wait for it.
      const isStopped = random() < (turn < 20 ? 0.2 : 0.05);
      const stopped = isStopped ? 30 + 200 * random() : 0;
      clock += stopped;
      budget.turn({ ...start, now: clock, worked: 0.2 + stopped, waited: stopped });
      const callers = isStopped ? 8 : 1;
      for (let caller = 0; caller < callers; caller++) {
        expect(budget.isSpent(clock), `turn ${turn} of seed ${seed}`).toBe(false);
        budget.begin();
        clock += 0.2;
      }
      clock += 5;
    }
  }
});

import { quantile } from '../load.ts';
import { median, type Ratio, ratioOf } from '../serving/report.ts';
import { othersShare, type Reading } from './core.ts';
import { type Bin, binMs, boundMs } from './generator.ts';
import { behind, type Server, type Trial, total } from './trial.ts';

/** What a server answers a second if it has its core for itself. */
export interface Capacity {
  rate: number;
  /** CPU seconds an answer. */
  cost: number;
  /** Of a closed loop's requests, refused or lost. */
  failed: number;
  from: Reading;
  to: Reading;
}

export interface Measured {
  server: Server;
  factor: number;
  before: Capacity;
  after: Capacity;
  trial: Trial;
  /** Of the callers' core others had this share. */
  callersOthers: number;
}

/** What one trial came to. */
export interface Told {
  /** Answers in time, a second. */
  good: number;
  /** The mean of what was found before and after. */
  capacity: number;
  recoveredMs: number;
  /** CPU seconds; NaN: nothing was refused. */
  answer: number;
  refusal: number;
  /** Why the trial is void. */
  voids: string[];
}

export interface Verdict {
  name: string;
  /** Share of the capacity that shall be answered in time; null: none is set. */
  goal: number | null;
  goodput: Ratio;
  /** Of the slowest trial. */
  recoveredMs: number;
  answer: number;
  refusal: number;
  trials: number;
  voids: number;
}

/** Others may have had so much of the core. */
const mostOthers = 0.05;
/** Callers that are further behind than this measure themselves, ms. */
const mostBehindMs = 5;
/** Of half of its capacity a server answers so much in time, unless the machine is held up. */
const usualShare = 0.95;
/** It has recovered when it did so for half a second. */
const recoveredBins = 500 / binMs;
const mostRecoveryMs = 1000;

/** Prints one trial. */
export function report(measured: Measured): Told {
  const { server, factor, before, after, trial } = measured;
  const [calm, much, calmAgain] = trial.phases as [
    Trial['phases'][0],
    Trial['phases'][0],
    Trial['phases'][0],
  ];
  const [first, during] = [total(calm.bins), total(much.bins)];
  const capacity = (before.rate + after.rate) / 2;
  const good = during.good / (much.bins.length / (1000 / binMs));
  const recoveredMs = recovered(calmAgain.bins);
  const { goodAfter, refusedAfter, connections } = trial.outcome;
  const told = [
    `${server.name}, ${factor} times ${capacity.toFixed(0)}/s (${before.rate.toFixed(0)} before, ${after.rate.toFixed(0)} after): goodput ${percent(good / capacity)} of the capacity`,
    `before it ${share(first.good, first.due)} in time; of all late ${share(during.late, during.due)}, ${during.refused === 0 ? 'refuses nothing' : `refused ${share(during.refused, during.due)}`}, lost ${share(during.lost, during.due)}`,
    `answers within ${boundMs} ms: p50 ${ms(goodAfter, 0.5)}, p99 ${ms(goodAfter, 0.99)}${during.refused === 0 ? '' : `; refusals p50 ${ms(refusedAfter, 0.5)}, p99 ${ms(refusedAfter, 0.99)}`}`,
    `recovered ${recoveredMs === Number.POSITIVE_INFINITY ? 'not' : `within ${recoveredMs} ms`}; memory ${mb(calm.from.resident)}, at most ${mb(trial.most)}, after ${mb(after.to.resident)} MB; ${connections} connections`,
  ];
  const voids = whyVoid(measured);
  console.log(`  ${told[0]}`);
  for (const line of told.slice(1)) console.log(`    ${line}`);
  for (const why of voids) console.log(`    VOID: ${why}`);
  return { good, capacity, recoveredMs, ...costs(measured, during, much), voids };
}

/** Of the trials that are not void, where there are any. */
export function verdict(name: string, goal: number | null, made: Told[]): Verdict {
  const valid = made.filter(({ voids }) => voids.length === 0);
  const counted = valid.length > 0 ? valid : made;
  const each = (of: (told: Told) => number): number[] => counted.map(of);
  const goodput = ratioOf(
    each(({ good }) => good),
    each(({ capacity }) => capacity),
  );
  return {
    name,
    goal,
    goodput,
    recoveredMs: Math.max(...each((told) => told.recoveredMs)),
    answer: median(each((told) => told.answer)),
    refusal: median(each((told) => told.refusal)),
    trials: valid.length,
    voids: made.length - valid.length,
  };
}

export function summary(verdicts: Verdict[]): void {
  console.log(
    '\nGoodput as a share of the capacity (medians over trials, 95 % interval), the slowest recovery, CPU of an answer and of a refusal:',
  );
  for (const { name, goal, goodput, recoveredMs, answer, refusal, trials, voids } of verdicts) {
    const { value, from, to } = goodput;
    const isMet = goal !== null && value >= goal && recoveredMs <= mostRecoveryMs;
    const met = trials === 0 ? 'VOID' : goal === null ? '' : isMet ? 'met' : 'MISSED';
    const aim = goal === null ? '' : `goal ${percent(goal)} and ${mostRecoveryMs} ms: `;
    const back = recoveredMs === Number.POSITIVE_INFINITY ? 'never' : `${recoveredMs} ms`;
    const cost = Number.isNaN(refusal) ? us(answer) : `${us(answer)} and ${us(refusal)}`;
    console.log(
      `  ${name.padEnd(24)} ${percent(value).padStart(7)} [${percent(from)}, ${percent(to)}]  ${back}  ${cost} µs  ${trials} trials and ${voids} void  ${aim}${met}`,
    );
  }
}

function whyVoid({ server, before, after, trial, callersOthers }: Measured): string[] {
  const whys: string[] = [];
  const failed = before.failed + after.failed;
  if (failed > 0)
    whys.push(`of the closed loop that measures the capacity ${failed} requests were not answered`);
  const [calm, much] = trial.phases as [Trial['phases'][0], Trial['phases'][0]];
  const { due, good } = total(calm.bins);
  if (good < usualShare * due)
    whys.push(`of half of the capacity, before the trial, only ${share(good, due)} was answered in time`);
  // The capacity is told by CPU second, whoever else had the core.
  const others = othersShare(much.from, much.to);
  if (others > mostOthers)
    whys.push(`other processes had ${percent(others)} of the ${server.name}'s core in the trial`);
  const late = behind(trial);
  if (late > mostBehindMs)
    whys.push(
      `the callers were ${late.toFixed(1)} ms behind (p99), more than ${mostBehindMs}; other processes had ${percent(callersOthers)} of their core`,
    );
  return whys;
}

/** CPU seconds of an answer and of a refusal: what does not depend on who else is busy on the machine. */
function costs(
  { before, after }: Measured,
  { good, late, refused }: Bin,
  { from, to }: Trial['phases'][0],
): { answer: number; refusal: number } {
  const answer = (before.cost + after.cost) / 2;
  const left = to.cpu - from.cpu - (good + late) * answer;
  return { answer, refusal: refused === 0 ? Number.NaN : left / refused };
}

function recovered(bins: Bin[]): number {
  for (let from = 0; from + recoveredBins <= bins.length; from++) {
    const { due, good } = total(bins.slice(from, from + recoveredBins));
    if (good >= usualShare * due) return from * binMs;
  }
  return Number.POSITIVE_INFINITY;
}

function share(count: number, of: number): string {
  return percent(count / of);
}

function percent(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}

function ms(sorted: Float64Array, at: number): string {
  return sorted.length === 0 ? 'none' : `${quantile(sorted, at).toFixed(1)} ms`;
}

function us(seconds: number): string {
  return (seconds * 1e6).toFixed(0);
}

function mb(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}

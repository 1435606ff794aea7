import { quantile } from '../load.ts';
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
  scenario: string;
  server: Server;
  factor: number;
  /** Share of the capacity that shall be answered in time; null: none is set. */
  goal: number | null;
  before: Capacity;
  after: Capacity;
  trial: Trial;
  /** Of the callers' core others had this share. */
  callersOthers: number;
}

export interface Verdict {
  name: string;
  goodput: number;
  goal: number | null;
  recoveredMs: number;
  /** Why the figure is void. */
  voids: string[];
  /** Trials that it is the median of. */
  trials: number;
}

/** Others may have had so much of the core. */
const mostOthers = 0.05;
/** The capacity may have changed by so much meanwhile. */
const mostChange = 0.1;
/** Callers that are further behind than this measure themselves, ms. */
const mostBehindMs = 5;
/** A server has recovered when of a second's half so much is answered in time. */
const recoveredShare = 0.95;
const recoveredBins = 500 / binMs;
const mostRecoveryMs = 1000;

/** Prints one trial. */
export function report(measured: Measured): Verdict {
  const { server, factor, goal, before, after, trial } = measured;
  const [calm, much, calmAgain] = trial.phases as [
    Trial['phases'][0],
    Trial['phases'][0],
    Trial['phases'][0],
  ];
  const [first, during] = [total(calm.bins), total(much.bins)];
  const seconds = much.bins.length / (1000 / binMs);
  const capacity = (before.rate + after.rate) / 2;
  const goodput = during.good / seconds / capacity;
  const recoveredMs = recovered(calmAgain.bins);
  const { goodAfter, refusedAfter, connections } = trial.outcome;
  const told = [
    `${server.name}, ${factor} times ${capacity.toFixed(0)}/s: goodput ${percent(goodput)} of the capacity`,
    `before it ${share(first.good, first.due)} in time; of all late ${share(during.late, during.due)}, ${during.refused === 0 ? 'refuses nothing' : `refused ${share(during.refused, during.due)}`}, lost ${share(during.lost, during.due)}`,
    `answers within ${boundMs} ms: p50 ${ms(goodAfter, 0.5)}, p99 ${ms(goodAfter, 0.99)}${during.refused === 0 ? '' : `; refusals p50 ${ms(refusedAfter, 0.5)}, p99 ${ms(refusedAfter, 0.99)}`}`,
    `recovered ${recoveredMs === Number.POSITIVE_INFINITY ? 'not' : `within ${recoveredMs} ms`}; memory ${mb(calm.from.resident)}, at most ${mb(trial.most)}, after ${mb(after.to.resident)} MB; ${connections} connections`,
    costs(measured, during, much),
  ];
  const voids = whyVoid(measured);
  console.log(`  ${told[0]}`);
  for (const line of told.slice(1)) console.log(`    ${line}`);
  for (const why of voids) console.log(`    VOID: ${why}`);
  return {
    name: `${measured.scenario} ${server.name} ${factor}×`,
    goodput,
    goal,
    recoveredMs,
    voids,
    trials: 1,
  };
}

/** The trial in the middle; the slowest recovery of all counts. */
export function medianOf(verdicts: Verdict[]): Verdict {
  const sorted = verdicts.toSorted((a, b) => a.goodput - b.goodput);
  const recoveredMs = Math.max(...verdicts.map((one) => one.recoveredMs));
  return { ...sorted[verdicts.length >> 1]!, recoveredMs, trials: verdicts.length };
}

export function summary(verdicts: Verdict[]): void {
  console.log('\nGoodput as a share of the capacity, and recovery:');
  for (const { name, goodput, goal, recoveredMs, voids, trials } of verdicts) {
    const isMet = goal !== null && goodput >= goal && recoveredMs <= mostRecoveryMs;
    const met = voids.length > 0 ? 'VOID, see above' : isMet ? 'met' : 'MISSED';
    const aim =
      goal === null ? '' : `  goal ${percent(goal)} and ${mostRecoveryMs} ms, median of ${trials}: ${met}`;
    const back = recoveredMs === Number.POSITIVE_INFINITY ? 'never' : `${recoveredMs} ms`;
    console.log(
      `  ${name.padEnd(24)} ${percent(goodput).padStart(8)}  ${back.padStart(8)}${aim}${goal === null && voids.length > 0 ? '  VOID, see above' : ''}`,
    );
  }
}

function whyVoid({ server, before, after, trial, callersOthers }: Measured): string[] {
  const much = trial.phases[1]!;
  const whys: string[] = [];
  const failed = before.failed + after.failed;
  if (failed > 0)
    whys.push(`of the closed loop that measures the capacity ${failed} requests were not answered`);
  for (const [name, { from, to }] of Object.entries({
    'the capacity before': before,
    'the trial': much,
    'the capacity after': after,
  })) {
    const others = othersShare(from, to);
    if (others > mostOthers)
      whys.push(`other processes had ${percent(others)} of the ${server.name}'s core in ${name}`);
  }
  const change = after.rate / before.rate - 1;
  if (Math.abs(change) > mostChange)
    whys.push(
      `the capacity changed by ${percent(change)} meanwhile: ${before.rate.toFixed(0)}/s before, ${after.rate.toFixed(0)}/s after`,
    );
  const late = behind(trial);
  if (late > mostBehindMs)
    whys.push(
      `the callers were ${late.toFixed(1)} ms behind (p99), more than ${mostBehindMs}; other processes had ${percent(callersOthers)} of their core`,
    );
  return whys;
}

/** What does not depend on who else is busy on the machine. */
function costs(
  { before, after }: Measured,
  { good, late, refused }: Bin,
  { from, to }: Trial['phases'][0],
): string {
  const used = to.cpu - from.cpu;
  const cost = (before.cost + after.cost) / 2;
  const answers = `CPU: an answer ${(cost * 1e6).toFixed(1)} µs`;
  if (refused === 0) return answers;
  const refusal = (used - (good + late) * cost) / refused;
  return `${answers}, a refusal ${(refusal * 1e6).toFixed(1)} µs; ${share((good + late) * cost, used)} of it went into answers`;
}

function recovered(bins: Bin[]): number {
  for (let from = 0; from + recoveredBins <= bins.length; from++) {
    const { due, good } = total(bins.slice(from, from + recoveredBins));
    if (good >= recoveredShare * due) return from * binMs;
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

function mb(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}

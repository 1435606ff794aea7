import type { FindingView, ModelView, RolloutView, Score } from '../api.ts';
import type { Failing } from './recent-failures.ts';
import { undoneOf } from './undone-verdict.ts';

/** What a health sentence is made from. */
export interface Facts {
  unloaded: boolean;
  /** Why the live version is not run here; null: it is. */
  refusal: string | null;
  live: number | null;
  predictions: number;
  failing: Failing;
  /** Of what the live version answered, over the newest stretch; and as promised by its training rows. */
  recent: Score;
  promise: { metric: string; value: number } | null;
  /** Not cleared. */
  findings: FindingView[];
  rollout: Pick<RolloutView, 'id' | 'candidate' | 'live' | 'state'> | null;
}

/** Right answers so far below the promise are worth a look, and worth acting on. Shares. */
const lookGap = 0.05;
const actGap = 0.15;
/** For regression: mean absolute error so many times the promised. */
const lookTimes = 1.2;
const actTimes = 1.5;

/** Shares of the requests of some minutes that failed, and the fewest of them that are worth a word. */
const lookFailing = 0.01;
const actFailing = 0.2;
const leastFailures = 3;

/** Fewer labels than these are not put as a share. */
const leastLabels = 20;

/** The first thing to know about a model: a level, and a sentence that says why. Pure. */
export function health(facts: Facts): ModelView['health'] {
  const { live, refusal, predictions, recent, findings } = facts;
  if (live === null) return { level: 'act', sentence: 'No version is live: the model answers nothing.' };
  if (facts.unloaded)
    return { level: 'look', sentence: 'It is unloaded, and answers nobody until it is loaded again.' };
  if (refusal) return { level: 'act', sentence: `Version ${live} answers nothing. ${refusal}` };
  const away = findings.find(
    (one) => one.monitor === 'supervisor' && one.level === 'act' && one.version === live,
  );
  if (away) return { level: 'act', sentence: away.message };
  const failing = failsLately(facts);
  if (failing) return failing;
  if (predictions === 0)
    return { level: 'well', sentence: `Version ${live} is ready; nobody has asked it anything yet.` };
  const below = belowPromise(facts);
  if (below) return below;
  const undone = facts.rollout && undoneOf(findings, facts.rollout.id);
  const act = undone ?? findings.find((finding) => finding.level === 'act' && finding.version === live);
  const look = findings.find((finding) => finding.version === live);
  const how = recent.value === null ? 'its labels have not come yet' : rightness(recent);
  if (act)
    return {
      level: 'look',
      sentence: `${act.message} So far version ${live} is as right as it was: ${how}.`,
    };
  if (look) return { level: 'look', sentence: `${look.message} Version ${live}: ${how}.` };
  return { level: 'well', sentence: `Version ${live} is well: ${how}.${tested(facts)}` };
}

function failsLately({ live, failing: { requests, failed, code } }: Facts): ModelView['health'] | null {
  if (failed < leastFailures || failed < lookFailing * requests) return null;
  const of = `${failed.toLocaleString('en-GB')} of its last ${requests.toLocaleString('en-GB')} requests`;
  const sentence = `Version ${live} fails: ${of} (most of them ${code}).`;
  return { level: failed < actFailing * requests ? 'look' : 'act', sentence };
}

function belowPromise({ live, recent, promise }: Facts): ModelView['health'] | null {
  if (!promise || recent.value === null || recent.low === null || recent.high === null) return null;
  if (promise.metric !== recent.metric) return null;
  const was = promise.metric === 'accuracy' ? percent(promise.value) : number(promise.value);
  const sentence = `Version ${live} is below its promise: ${rightness(recent)}, ${was} on its training rows.`;
  // The whole interval must lie below: a few unlucky rows are no news.
  const gap = promise.metric === 'accuracy' ? promise.value - recent.high : 0;
  const times = promise.metric === 'mae' && promise.value > 0 ? recent.low / promise.value : 1;
  if (gap >= actGap || times >= actTimes) return { level: 'act', sentence };
  if (gap >= lookGap || times >= lookTimes) return { level: 'look', sentence };
  return null;
}

function tested({ rollout }: Facts): string {
  if (!rollout || rollout.state === 'ended') return '';
  return ` Version ${rollout.candidate} is compared with it in shadow.`;
}

function rightness(score: Score): string {
  if (score.value === null) return 'no labels yet';
  // A share of a handful says nothing.
  if (score.labelled < leastLabels)
    return `${score.labelled} ${score.labelled === 1 ? 'label' : 'labels'} so far`;
  return score.metric === 'accuracy'
    ? `${percent(score.value)} right`
    : `off by ${number(score.value)} on average`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function number(value: number): string {
  return String(Number(value.toPrecision(3)));
}

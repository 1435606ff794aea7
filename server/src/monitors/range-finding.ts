import type { FeatureBaseline } from './baseline.ts';
import type { Columns } from './columns.ts';
import { calmWindows, type Episode, type Said } from './episode.ts';
import type { Finding, MonitorContext } from './monitor.ts';
import type { Cause } from './range-cause.ts';
import type { Oddity } from './range-tally.ts';
import { countText, day, numberText, percent } from './wording.ts';

/** Of the window, when it was said. */
export interface RangeEvidence {
  count: number;
  rows: number;
  lowest: number | null;
  highest: number | null;
  text: string | null;
}

export function evidenceOf(oddity: Oddity | null, rows: number): RangeEvidence {
  return {
    count: oddity?.count ?? 0,
    rows,
    lowest: oddity?.lowest ?? null,
    highest: oddity?.highest ?? null,
    text: oddity?.text ?? null,
  };
}

export function rangeFinding(
  context: MonitorContext,
  columns: Columns,
  cause: Cause,
  told: Said<RangeEvidence>,
): Finding {
  const { model } = context;
  const { version } = context.version;
  const profile = columns.profiles[cause.feature]!;
  const { count, rows, lowest, highest, text } = told.evidence;
  const { name, message, hint } = wording(context, cause, profile, told);
  const evidence: Finding['evidence'] = { count, rows, trainingRows: context.baseline?.rows ?? 0 };
  if (profile.constant !== null) evidence.constant = profile.constant;
  if (lowest !== null) evidence.lowest = lowest;
  if (highest !== null) evidence.highest = highest;
  if (text !== null) evidence.category = text;
  return {
    id: `${model}/${version}/${name}/${profile.name}`,
    model,
    version,
    monitor: 'range',
    feature: profile.name,
    level: told.level,
    message:
      told.cleared === null
        ? message
        : `${profile.name} has been as in training again for ${calmWindows} windows running, until ${day(told.cleared)}.`,
    hint,
    evidence,
    since: told.since,
    at: told.at,
    row: told.row,
    cleared: told.cleared,
  };
}

/**
 * It held for the beginning of a window, but not for the whole of it. How much of the window was there when it
 * was said depends on when that was, and a restart says it anew: that is no part of what stays.
 */
export function withdrawn(said: Finding, cleared: number): Finding {
  return {
    ...said,
    message: `${said.feature}: too few rows to matter after all, until ${day(cleared)}.`,
    evidence: { trainingRows: said.evidence.trainingRows! },
    cleared,
  };
}

interface Wording {
  name: 'missing' | 'constant' | 'out-of-range';
  message: string;
  hint: string;
}

function wording(
  context: MonitorContext,
  cause: Cause,
  profile: FeatureBaseline,
  told: Episode<RangeEvidence>,
): Wording {
  const trainingRows = context.baseline?.rows ?? 0;
  // Each version counts the rows that it answered.
  const { version } = context.version;
  const { count, rows } = told.evidence;
  const { name } = profile;
  const often = `in ${countText(count)} of the window’s ${countText(rows)} rows so far, first in version ${version}’s live row ${countText(told.row)}`;
  if (cause.kind === 'missing') {
    return {
      name: 'missing',
      message: `${name} is missing ${often}; in training it was in ${percent(profile.missing / Math.max(1, trainingRows))}.`,
      hint: 'Check where this feature comes from. Until then the version answers by its rule for missing values.',
    };
  }
  if (cause.never) {
    const was = profile.constant === null ? 'missing' : constantText(profile, profile.constant);
    return {
      name: 'constant',
      message:
        `${name} was always ${was} in the ${countText(trainingRows)} training rows; ` +
        `since version ${version}’s live row ${countText(told.row)} it has other values (${valuesText(told.evidence)}).`,
      hint: 'The version could learn nothing about this feature. Train one on rows in which it varies, or deploy a learner as shadow.',
    };
  }
  const what =
    profile.numeric === null || profile.categories !== null
      ? `has categories that training never showed, such as ${valuesText(told.evidence)},`
      : `was outside the range of training (${numberText(profile.numeric.min)} – ${numberText(profile.numeric.max)}), with ${valuesText(told.evidence)},`;
  return {
    name: 'out-of-range',
    message: `${name} ${what} ${often}.`,
    hint: 'Check its unit and its source. If the values are right, train on newer data: beyond what it has seen the version guesses.',
  };
}

function constantText(profile: FeatureBaseline, constant: number): string {
  const category = profile.categories?.values[0];
  return category === undefined ? numberText(constant) : `"${category}"`;
}

function valuesText({ lowest, highest, text }: RangeEvidence): string {
  if (text !== null) return `"${text}"`;
  if (lowest === null || highest === null) return 'any';
  return lowest === highest ? numberText(lowest) : `${numberText(lowest)} – ${numberText(highest)}`;
}

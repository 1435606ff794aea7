import type { Said } from './episode.ts';
import type { FeatureReader } from './feature-reader.ts';
import type { Finding, MonitorContext } from './monitor.ts';
import { day, percent } from './wording.ts';

/** What an episode of drift rests on: numbers of the window that raised it, or raised its level. */
export interface DriftEvidence {
  psi: number;
  pValue: number;
  usual: number;
  rows: number;
  from: number;
  to: number;
  /** Share of each bin in that window. */
  shares: number[];
}

/** The sentence and numbers of a drift episode; `latest`: of the window that was just closed. */
export function driftFinding(
  context: MonitorContext,
  reader: FeatureReader,
  said: Said<DriftEvidence>,
  latest: DriftEvidence | null,
): Finding {
  const { model } = context;
  const { version } = context.version;
  const told = said.cleared === null ? said.evidence : (latest ?? said.evidence);
  return {
    id: `${model}/${version}/drift/${reader.name}`,
    model,
    version,
    monitor: 'drift',
    feature: reader.name,
    level: said.level,
    message: said.cleared === null ? moved(reader, told) : back(reader, told),
    hint: 'Compare the accuracy before and since. If it has fallen, train on newer data, or deploy a learner as shadow.',
    evidence: {
      psi: told.psi,
      pValue: told.pValue,
      usualPsi: told.usual,
      rows: told.rows,
      windowFrom: told.from,
      windowTo: told.to,
    },
    since: said.since,
    at: said.at,
    row: said.row,
    cleared: said.cleared,
  };
}

function moved(reader: FeatureReader, told: DriftEvidence): string {
  const { bin, live, trained } = mostGained(reader, told.shares);
  const beyond =
    told.usual >= 0.1
      ? ` Stretches of the training data differed from the whole by up to ${told.usual.toFixed(2)}.`
      : '';
  return (
    `${reader.name} has moved away from the training data: ${percent(live)} of ${told.rows} rows from ` +
    `${day(told.from)} to ${day(told.to)} were ${bin}, in training ${percent(trained)} (PSI ${told.psi.toFixed(2)}).${beyond}`
  );
}

function back(reader: FeatureReader, told: DriftEvidence): string {
  return (
    `${reader.name} is again as near to the training data as that was to itself: PSI ${told.psi.toFixed(2)} ` +
    `in ${told.rows} rows from ${day(told.from)} to ${day(told.to)}.`
  );
}

/** The bin whose share has grown most. */
function mostGained(reader: FeatureReader, live: number[]): { bin: string; live: number; trained: number } {
  let best = 0;
  const gain = (k: number) => live[k]! - reader.baselineShares[k]!;
  for (let k = 1; k < live.length; k++) if (gain(k) > gain(best)) best = k;
  return { bin: reader.bins[best]!, live: live[best]!, trained: reader.baselineShares[best]! };
}

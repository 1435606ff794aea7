import type { AccuracyView, FindingView, ModelView, TimelineEntry } from '../../api.ts';
import { paint, percent, table } from '../output.ts';
import { ask, type Remote } from '../remote.ts';
import type { Replayed } from './replay.ts';
import { blockEdges, decidedAt, rowAt, timeOf, trainRows } from './stream.ts';

/**
 * The closing table. A `row` is a zero-based row of the stream, taken from event times: behind the 9,062 training
 * rows the first live one is row 9062. A promotion's is the last row that the former version answered.
 */
export interface Closing {
  rows: number;
  versions: { version: number; kind: string; accuracy: number | null; blocks: (number | null)[] }[];
  served: { accuracy: number | null; blocks: (number | null)[] };
  findings: { feature: string | null; monitor: string; row: number }[];
  promotion: { row: number; version: number; reasons: string[] } | null;
  requestsPerSecond: number;
  p99Ms: number;
}

/** Everything but the caller's own rate and p99 is read from the API. */
export async function closing(remote: Remote, replayed: Replayed): Promise<Closing> {
  const path = '/api/models/electricity';
  const model = await ask<ModelView>(remote, 'GET', path);
  const edges = blockEdges.map(timeOf);
  const { windows } = await ask<AccuracyView>(remote, 'GET', `${path}/accuracy?edges=${edges.join(',')}`);
  const { findings } = await ask<{ findings: FindingView[] }>(
    remote,
    'GET',
    '/api/findings?model=electricity',
  );
  const { entries } = await ask<{ entries: TimelineEntry[] }>(
    remote,
    'GET',
    '/api/timeline?model=electricity&limit=1000',
  );
  const block = (match: (window: AccuracyView['windows'][number]) => boolean) =>
    edges
      .slice(0, -1)
      .map((from) => windows.find((window) => window.from === from && match(window))?.score.value ?? null);
  const promoted = entries.find((entry) => entry.kind === 'promote' && entry.eventTime !== null);
  return {
    rows: replayed.rows,
    versions: model.versions.map(({ version, kind, score }) => ({
      version,
      kind,
      accuracy: score.value,
      blocks: block((window) => window.role === 'version' && window.version === version),
    })),
    served: { accuracy: model.overall.value, blocks: block((window) => window.role === 'served') },
    findings: findings
      .map(({ feature, monitor, at }) => ({ feature, monitor, row: rowAt(at) }))
      .sort((a, b) => a.row - b.row || String(a.feature).localeCompare(String(b.feature))),
    promotion:
      promoted?.eventTime == null
        ? null
        : {
            row: Math.min(decidedAt(promoted.eventTime), trainRows + replayed.rows - 1),
            version: promoted.version ?? 0,
            // Where that was is said by `row`.
            reasons: promoted.reasons.filter((reason) => !reason.startsWith('Decided at')),
          },
    requestsPerSecond: replayed.requestsPerSecond,
    p99Ms: replayed.p99Ms,
  };
}

/** What the rollout makes of the time since the promotion. */
export async function sincePromotion(remote: Remote): Promise<string[]> {
  const { rollout } = await ask<ModelView>(remote, 'GET', '/api/models/electricity');
  return rollout?.reasons ?? [];
}

/** The table as a person reads it, with what the rollout says by now. */
export function closingText(closing: Closing, since: string[]): string {
  const answerers = [...closing.versions, closing.served];
  const header = [
    'right in rows',
    ...closing.versions.map(({ version, kind }) => `version ${version} (${kind})`),
    'what was served',
  ];
  const rows = blockEdges
    .slice(0, -1)
    .map((edge, i) => [
      `${edge}–${blockEdges[i + 1]! - 1}`,
      ...answerers.map(({ blocks }) => percent(blocks[i] ?? null)),
    ]);
  rows.push(['all', ...answerers.map(({ accuracy }) => percent(accuracy))]);
  const lines = ['', table(header, rows), ''];
  const { promotion } = closing;
  if (promotion) {
    lines.push(`Version ${promotion.version} was promoted at row ${promotion.row}:`);
    for (const reason of promotion.reasons) lines.push(`  ${reason}`);
    for (const reason of since) lines.push(`  ${reason}`);
  } else lines.push('Nothing was promoted.');
  lines.push(
    paint(
      'dim',
      `${closing.requestsPerSecond.toFixed(0)} requests/s, p99 of a prediction ${closing.p99Ms.toFixed(2)} ms: one request at a time, each label learned and served before the next row (the barrier’s rate, not the server’s).`,
    ),
  );
  return lines.join('\n');
}

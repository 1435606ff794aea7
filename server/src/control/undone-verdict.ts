import type { FindingView } from '../api.ts';
import type { SlipwayError } from '../errors.ts';
import type { Verdict } from '../messages.ts';
import type { Changes } from './changes.ts';

/** What a rollout decided could not be carried out: a finding until it is, or until nobody wants it any more. */
export function sayUndone(changes: Changes, verdict: Verdict, error: SlipwayError): void {
  const { model, version, kind, rollout, at, row } = verdict;
  const id = findingOf(rollout);
  const before = undoneOf(changes.registry.findings(model), rollout);
  const aim = kind === 'promote' ? 'was to be promoted' : 'was to be live again';
  const message = `Version ${version} ${aim}, and could not be: ${error.message}`;
  const hint = `It is tried again by itself. ${error.hint}`;
  const by = `rollout ${rollout}`;
  const now = changes.now();
  changes.registry.saveFinding({
    id,
    model,
    version,
    monitor: by,
    feature: null,
    level: 'act',
    message,
    hint,
    evidence: { code: error.code, tries: Number(before?.evidence.tries ?? 0) + 1 },
    since: before?.since ?? now,
    at: now,
    row,
    cleared: null,
  });
  // Tries that end alike are said once.
  if (before?.evidence.code !== error.code) {
    const entry = { model, version, kind: 'finding', level: 'act', message, by } as const;
    changes.enter({ ...entry, reasons: [hint], eventTime: at });
  }
  changes.onChanged([`models/${model}`, 'models', 'timeline']);
}

/** It was carried out, or nobody wants it any more. */
export function clearUndone(changes: Changes, model: string, rollout: string): void {
  changes.clearFindings(model, ({ id }) => id === findingOf(rollout));
}

/** That a rollout's verdict waits to be carried out, among a model's findings; null: none does. */
export function undoneOf(findings: FindingView[], rollout: string): FindingView | null {
  return findings.find(({ id, cleared }) => id === findingOf(rollout) && cleared === null) ?? null;
}

function findingOf(rollout: string): string {
  return `${rollout}/undone`;
}

import type { RolloutRequest } from '../api.ts';
import { SlipwayError } from '../errors.ts';
import type { ModelRecord, RolloutRecord } from '../registry/registry.ts';
import { defaultRule } from '../rollout/decide.ts';
import { isScored } from '../signature.ts';
import type { Changes } from './changes.ts';
import { clearUndone } from './undone-verdict.ts';

/** Begins a rollout; only within a change. Returns its id. */
export function beginRollout(
  changes: Changes,
  record: ModelRecord,
  candidate: number,
  rule: Partial<RolloutRequest>,
  by: string,
): string {
  const { model } = record;
  const live = record.live!;
  for (const version of [live, candidate])
    if (!isScored(changes.version(model, version).signature))
      throw new SlipwayError(
        'NOT_SCORED',
        `No output of version ${version} of "${model}" is known to be its answer: no label can say which version is better.`,
      );
  const id = `${model}-${changes.registry.nextRollout(model)}`;
  changes.registry.saveRollout({
    id,
    model,
    phase: 'compare',
    live,
    candidate,
    alpha: rule.alpha ?? defaultRule.alpha,
    leastPairs: rule.leastPairs ?? defaultRule.leastPairs,
    margin: rule.margin ?? defaultRule.margin,
    held: false,
    startedAt: changes.now(),
    endedAt: null,
    verdict: 'continue',
    reasons: [],
  });
  changes.registry.saveModel({ ...record, rollout: id });
  const message = `Version ${candidate} answers in shadow of version ${live}, and is promoted by itself once it is proven better.`;
  changes.enter({ model, version: candidate, kind: 'rollout', message, by });
  return id;
}

/** Ends a rollout; only within a change, which then saves the model without it. */
export function endRollout(
  changes: Changes,
  rollout: RolloutRecord,
  verdict: RolloutRecord['verdict'],
  reasons: string[],
): void {
  clearUndone(changes, rollout.model, rollout.id);
  changes.registry.saveRollout({ ...rollout, verdict, reasons, endedAt: changes.now() });
}

/** The model's running rollout, or null. */
export function runningRollout(changes: Changes, record: ModelRecord): RolloutRecord | null {
  return record.rollout === null ? null : changes.registry.rollout(record.rollout);
}

export function startRollout(
  changes: Changes,
  model: string,
  request: RolloutRequest,
  by: string,
): Promise<RolloutRecord> {
  return changes.inTurn(async () => {
    const record = changes.model(model);
    const { quarantined } = changes.version(model, request.candidate);
    if (quarantined)
      throw new SlipwayError(
        'VERSION_QUARANTINED',
        `Version ${request.candidate} of "${model}" is quarantined.`,
      );
    if (record.rollout) {
      throw new SlipwayError(
        'CONFLICT',
        `Rollout ${record.rollout} of "${model}" is running.`,
        'Stop it first.',
      );
    }
    if (record.live === request.candidate) {
      throw new SlipwayError('CONFLICT', `Version ${request.candidate} is live already.`);
    }
    const id = await changes.make(() => beginRollout(changes, record, request.candidate, request, by));
    return changes.registry.rollout(id)!;
  });
}

const said = {
  hold: 'is held: it counts on and decides nothing',
  resume: 'goes on',
  stop: 'was stopped',
} as const;

/** Holds a rollout (it counts on and decides nothing), lets it go on, or ends it. */
export function changeRollout(
  changes: Changes,
  model: string,
  id: string,
  change: keyof typeof said,
  by: string,
): Promise<RolloutRecord> {
  return changes.inTurn(async () => {
    const record = changes.model(model);
    const rollout = changes.registry.rollout(id);
    if (!rollout || rollout.model !== model) {
      throw new SlipwayError('ROLLOUT_NOT_FOUND', `"${model}" has no rollout ${id}.`);
    }
    if (record.rollout !== id) throw new SlipwayError('CONFLICT', `Rollout ${id} has ended.`);
    await changes.make(() => {
      if (change === 'stop') {
        endRollout(changes, rollout, 'inconclusive', [`Stopped by ${by}.`]);
        changes.registry.saveModel({ ...record, rollout: null });
      } else {
        clearUndone(changes, model, id);
        changes.registry.saveRollout({ ...rollout, held: change === 'hold' });
      }
      const message = `Rollout ${id} ${said[change]}.`;
      changes.enter({ model, version: rollout.candidate, kind: 'rollout', message, by });
    });
    return changes.registry.rollout(id)!;
  });
}

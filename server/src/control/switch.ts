import { SlipwayError, toSlipwayError } from '../errors.ts';
import type { Verdict } from '../messages.ts';
import type { Changes } from './changes.ts';
import { clearQuarantines } from './quarantine.ts';
import { endRollout, runningRollout } from './rollouts.ts';
import { clearUndone, sayUndone } from './undone-verdict.ts';

interface Switch {
  model: string;
  version: number;
  kind: 'promote' | 'roll back';
  by: string;
  reasons: string[];
  /** The loops' command that asks for it, if one does. */
  command: Verdict | null;
}

/**
 * Makes another version live; only within a turn. When the candidate of a running rollout is promoted, the
 * former live version goes on in shadow and is watched for having been better after all.
 */
export async function switchTo(
  changes: Changes,
  { model, version, kind, by, reasons, command }: Switch,
): Promise<void> {
  const record = changes.model(model);
  const { quarantined } = changes.version(model, version);
  if (quarantined)
    throw new SlipwayError('VERSION_QUARANTINED', `Version ${version} of "${model}" is quarantined.`);
  if (record.live === version) return;
  await changes.make(() => {
    const before = record.live;
    const rollout = runningRollout(changes, record);
    const guards =
      kind === 'promote' && rollout?.phase === 'compare' && rollout.candidate === version && before !== null;
    if (guards) {
      changes.registry.saveRollout({
        ...rollout,
        phase: 'guard',
        live: version,
        candidate: before,
        verdict: 'promote',
        reasons,
      });
    } else if (rollout)
      endRollout(changes, rollout, kind === 'roll back' ? 'roll back' : 'inconclusive', reasons);
    changes.registry.saveModel({
      ...record,
      live: version,
      previous: before,
      rollout: guards ? rollout.id : null,
    });
    clearQuarantines(changes, model);
    const verb = kind === 'promote' ? 'was promoted' : 'is live again';
    const rest = before === null ? '' : `; version ${before} ${guards ? 'goes on in shadow' : 'stays warm'}`;
    const message = `Version ${version} ${verb}${rest}.`;
    changes.enter({ model, version, kind, message, by, reasons, eventTime: command?.at ?? null });
    if (command) changes.registry.setDone(command.id);
  });
}

/**
 * A rollout's verdict. What cannot be carried out is a finding, and the loops send it again as long as it stands. Returns
 * false where a person holds the rollout: the loops give it again once it goes on. One that was ended decides nothing.
 */
export async function follow(changes: Changes, command: Verdict): Promise<boolean> {
  const { model, version, kind, rollout, reasons, row } = command;
  if (changes.registry.model(model)?.rollout === rollout) {
    if (changes.registry.rollout(rollout)?.held) return false;
    const place = `Decided at this model’s live row ${row.toLocaleString('en-GB')}.`;
    const by = `rollout ${rollout}`;
    try {
      await switchTo(changes, { model, version, kind, by, reasons: [...reasons, place], command });
    } catch (error) {
      sayUndone(changes, command, toSlipwayError(error));
      throw error;
    }
  }
  clearUndone(changes, model, rollout);
  return true;
}

/** The version that was live before this one. Throws NOTHING_TO_ROLL_BACK_TO. */
export function previousOf(changes: Changes, model: string): number {
  const { previous } = changes.model(model);
  if (previous === null) {
    throw new SlipwayError('NOTHING_TO_ROLL_BACK_TO', `No version of "${model}" was live before.`);
  }
  return previous;
}

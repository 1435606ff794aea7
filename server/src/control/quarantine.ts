import type { ModelRecord } from '../registry/registry.ts';
import type { Changes } from './changes.ts';
import { endRollout, runningRollout } from './rollouts.ts';

/** A version that hung a lane so often stays; the next time it is taken out. */
const hangsAllowed = 1;

/** A lane was killed for its silence while this version was answering. */
export function hung(changes: Changes, model: string, version: number): Promise<void> {
  return changes.inTurn(async () => {
    const record = changes.registry.version(model, version);
    if (!record || record.quarantined) return;
    const hangs = changes.registry.countHang(model, version);
    if (hangs > hangsAllowed) {
      await changes.make(() => quarantine(changes, model, version, hangs));
      return;
    }
    const message = `Version ${version} did not answer until its lane was killed. The next time it is quarantined.`;
    changes.enter({ model, version, kind: 'lane', level: 'look', message, by: 'supervisor' });
    changes.onChanged([`models/${model}`, 'timeline']);
  });
}

function quarantine(changes: Changes, model: string, version: number, hangs: number): void {
  const record = changes.model(model);
  changes.registry.quarantine(model, version);
  const rollout = runningRollout(changes, record);
  const involved = rollout !== null && (rollout.candidate === version || rollout.live === version);
  if (involved) endRollout(changes, rollout, 'inconclusive', [`Version ${version} was quarantined.`]);
  const falls = record.live === version;
  const live = falls ? lastSound(changes, record) : record.live;
  changes.registry.saveModel({
    ...record,
    live,
    previous: falls ? null : record.previous,
    rollout: involved ? null : record.rollout,
  });
  const then = !falls
    ? ''
    : live === null
      ? ' No other version can take its place: the model answers nothing.'
      : ` Version ${live} is live again.`;
  const message = `Version ${version} stopped a lane ${hangs} times and is quarantined.${then}`;
  const hint = 'Deploy a version that answers in bounded time on every row.';
  const at = changes.now();
  changes.registry.saveFinding({
    id: `${model}/${version}/hang`,
    model,
    version,
    monitor: 'supervisor',
    feature: null,
    level: 'act',
    message,
    hint,
    evidence: { hangs },
    since: at,
    at,
    row: 0,
    cleared: null,
  });
  changes.enter({
    model,
    version,
    kind: 'quarantine',
    level: 'act',
    message,
    by: 'supervisor',
    reasons: [hint],
  });
}

/** The one that was live before, else the newest that is not quarantined; null if there is none. */
function lastSound(changes: Changes, record: ModelRecord): number | null {
  const sound = changes.registry.versions(record.model).filter((one) => !one.quarantined);
  return sound.find((one) => one.version === record.previous)?.version ?? sound.at(-1)?.version ?? null;
}

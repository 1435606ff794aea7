import { lossText, type ProcessLoss } from '../process-loss.ts';
import type { ModelRecord } from '../registry/registry.ts';
import type { Changes } from './changes.ts';
import { endRollout, runningRollout } from './rollouts.ts';

/** A version whose process hung or crashed so often stays; the next time it is taken out. */
const stopsAllowed = 1;

/** A process of this version, its scorer or one below that, has ended, and is being replaced. */
export function lost(changes: Changes, model: string, version: number, loss: ProcessLoss): Promise<void> {
  return changes.inTurn(async () => {
    const record = changes.registry.version(model, version);
    if (!record || record.quarantined) return;
    const { why } = loss;
    const what = lossText(loss);
    // Neither a leak that was contained nor another's hand proves anything against it.
    const isItsFault = why === 'hang' || why === 'crash';
    const stops = isItsFault ? changes.registry.countStop(model, version) : 0;
    if (stops > stopsAllowed) {
      const take = (sound: number | null) => () => quarantine(changes, model, version, sound, stops, what);
      const sound = lastSound(changes, changes.model(model), version);
      // Whatever becomes of the one that should take its place, it is served no more.
      await changes.make(take(sound)).catch(() => changes.make(take(null)));
      return;
    }
    const then = isItsFault ? ' The next time it is quarantined.' : '';
    const message = `Version ${version} ${what}, and its process is being replaced.${then}`;
    changes.enter({ model, version, kind: 'scorer', level: 'look', message, by: 'supervisor' });
    changes.onChanged([`models/${model}`, 'timeline']);
  });
}

/** A version that somebody put live has taken the place of those that were quarantined; only within a change. */
export function clearQuarantines(changes: Changes, model: string): void {
  changes.clearFindings(model, ({ id, version }) => id === findingOf(model, version));
}

function findingOf(model: string, version: number | null): string {
  return `${model}/${version}/stopped`;
}

/** `sound`: the version that is live if it was; null: none. */
function quarantine(
  changes: Changes,
  model: string,
  version: number,
  sound: number | null,
  stops: number,
  what: string,
): void {
  const record = changes.model(model);
  changes.registry.quarantine(model, version);
  const rollout = runningRollout(changes, record);
  const involved = rollout !== null && (rollout.candidate === version || rollout.live === version);
  if (involved) endRollout(changes, rollout, 'inconclusive', [`Version ${version} was quarantined.`]);
  const falls = record.live === version;
  const live = falls ? sound : record.live;
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
  const message = `Version ${version} ${what}: its process was stopped ${stops} times, and it is quarantined.${then}`;
  const hint =
    'Deploy a version that answers every row in bounded time, or this file again once the cause is away.';
  const at = changes.now();
  changes.registry.saveFinding({
    id: findingOf(model, version),
    model,
    version,
    monitor: 'supervisor',
    feature: null,
    level: 'act',
    message,
    hint,
    evidence: { stops },
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

/** Besides `version` the one that was live before, else the newest that is not quarantined; null if there is none. */
function lastSound(changes: Changes, record: ModelRecord, version: number): number | null {
  const sound = changes.registry
    .versions(record.model)
    .filter((one) => !one.quarantined && one.version !== version);
  return sound.find((one) => one.version === record.previous)?.version ?? sound.at(-1)?.version ?? null;
}

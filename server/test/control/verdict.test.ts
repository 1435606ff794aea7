import { expect, test } from 'vitest';
import { changeRollout, startRollout } from '../../src/control/rollouts.ts';
import { follow } from '../../src/control/switch.ts';
import type { Verdict } from '../../src/messages.ts';
import { twoVersions } from './two-versions.ts';

/** Version 2 is in shadow of version 1, and is to be promoted; its process comes up when `ready` says so. */
async function proven() {
  const state = { ready: false };
  const { registry, changes } = twoVersions(1, (version) => version !== 2 || state.ready);
  const { id } = await startRollout(changes, 'm', { candidate: 2 }, 'local');
  const verdict: Verdict = {
    id: `${id}/compare/promote`,
    kind: 'promote',
    model: 'm',
    version: 2,
    rollout: id,
    reasons: ['It is better.'],
    at: 5,
    row: 7,
  };
  const said = (kind: string) => registry.timeline({ limit: 20 }).filter((entry) => entry.kind === kind);
  return { state, registry, changes, id, verdict, said };
}

test('a verdict that could not be carried out is a finding, and is carried out when it is sent again', async () => {
  const { state, registry, changes, id, verdict, said } = await proven();
  for (const tries of [1, 2]) {
    await expect(follow(changes, verdict)).rejects.toThrow('It does not come up.');
    expect(registry.isDone(verdict.id)).toBe(false);
    expect(registry.model('m')).toMatchObject({ live: 1, rollout: id });
    expect(registry.findings('m')).toMatchObject([{ level: 'act', evidence: { tries }, cleared: null }]);
    expect(said('finding')).toHaveLength(1);
    expect(said('promote')).toEqual([]);
  }
  state.ready = true;
  await follow(changes, verdict);
  expect(registry.isDone(verdict.id)).toBe(true);
  expect(registry.model('m')).toMatchObject({ live: 2, previous: 1, rollout: id });
  expect(registry.rollout(id)).toMatchObject({ phase: 'guard', live: 2, candidate: 1 });
  expect(registry.findings('m')).toMatchObject([{ cleared: 1 }]);
  expect(said('promote')).toHaveLength(1);
  // Sent once more, it changes nothing.
  await follow(changes, verdict);
  expect(registry.model('m')!.live).toBe(2);
  expect(said('promote')).toHaveLength(1);
});

test('of a rollout that was stopped, none is', async () => {
  const { state, registry, changes, id, verdict } = await proven();
  await expect(follow(changes, verdict)).rejects.toThrow('It does not come up.');
  await changeRollout(changes, 'm', id, 'stop', 'local');
  expect(registry.findings('m')).toMatchObject([{ cleared: 1 }]);
  state.ready = true;
  expect(await follow(changes, verdict)).toBe(true);
  expect(registry.model('m')!.live).toBe(1);
});

test('one that comes while its rollout is held is not done with: it is carried out when the rollout goes on', async () => {
  const { state, registry, changes, id, verdict } = await proven();
  await expect(follow(changes, verdict)).rejects.toThrow('It does not come up.');
  await changeRollout(changes, 'm', id, 'hold', 'local');
  expect(registry.findings('m')).toMatchObject([{ cleared: 1 }]);
  state.ready = true;
  expect(await follow(changes, verdict)).toBe(false);
  expect(registry.model('m')!.live).toBe(1);
  await changeRollout(changes, 'm', id, 'resume', 'local');
  expect(await follow(changes, verdict)).toBe(true);
  expect(registry.model('m')!.live).toBe(2);
});

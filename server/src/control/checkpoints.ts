import type { Gate } from '../api.ts';
import type { Command } from '../messages.ts';
import { kindNamed } from '../models/kinds.ts';
import type { Learner } from '../models/model.ts';
import type { Blobs } from '../registry/blobs.ts';
import type { CheckpointRecord, VersionRecord } from '../registry/registry.ts';
import { answerWidth } from '../signature.ts';
import { newFrame } from '../tensor.ts';
import type { Changes } from './changes.ts';

/** Newest ones kept, then one in ten, up to so many in all. */
const newestKept = 20;
const thinnedTo = 10;
const mostKept = 100;

/** Gates a learner's state and keeps it as a checkpoint, thinning the older ones; only within a turn. */
export async function keepCheckpoint(
  changes: Changes,
  command: Extract<Command, { kind: 'checkpoint' }>,
): Promise<void> {
  const { registry, blobs } = changes;
  const { model, version, update, state, at, reason } = command;
  const record = registry.version(model, version);
  if (!record) return;
  const gates = await gatesOf(blobs, record, state);
  if (gates.some((gate) => !gate.passed)) {
    const message = `The checkpoint at update ${update} of version ${version} did not pass its gates and was not kept.`;
    const reasons = gates.map((gate) => `${gate.name}: ${gate.detail}`);
    changes.enter({
      model,
      version,
      kind: 'checkpoint',
      level: 'look',
      message,
      reasons,
      by: 'control',
      eventTime: at,
    });
    return;
  }
  const { digest } = await blobs.put(state);
  const kept: CheckpointRecord = { model, version, update, at, digest, reason, gates };
  const present = registry.checkpoints(model, version).filter((one) => one.update !== update);
  const all = [...present, kept].sort((a, b) => a.update - b.update);
  // A lane that starts anew begins with the checkpoint that its snapshot names.
  const served = changes.snapshot?.models[model]?.versions[version]?.checkpoint?.update;
  const dropped = thin(all).filter((one) => one.update !== served);
  registry.transaction(() => {
    registry.saveCheckpoint(kept);
    for (const one of dropped) registry.dropCheckpoint(one);
  });
  // Equal states are one blob, whoever's they are.
  for (const one of dropped) if (!registry.isCheckpoint(one.digest)) blobs.delete(one.digest);
  changes.onChanged([`models/${model}`]);
}

/** What goes of a list that is sorted by update: beyond the newest, one in ten gaps is kept, so that thinning again changes nothing. */
export function thin(all: CheckpointRecord[]): CheckpointRecord[] {
  const gap = (all.at(-1)?.update ?? 0) - (all.at(-2)?.update ?? 0);
  const old = all.slice(0, Math.max(0, all.length - newestKept));
  const spared: CheckpointRecord[] = [];
  for (const one of old) {
    if (one.update - (spared.at(-1)?.update ?? Number.NEGATIVE_INFINITY) >= thinnedTo * gap) spared.push(one);
  }
  const room = mostKept - newestKept;
  const left = spared.slice(Math.max(0, spared.length - room));
  return old.filter((one) => !left.includes(one));
}

async function gatesOf(blobs: Blobs, record: VersionRecord, state: Uint8Array): Promise<Gate[]> {
  const { signature } = record;
  try {
    const learner = (await kindNamed(record.kind).attach(
      await blobs.read(record.program),
      signature,
    )) as Learner;
    learner.restore(state);
    const frame = newFrame(1, signature.features.length);
    for (let i = 0; i < frame.width; i++) frame.values[i] = record.impute[i] ?? 0;
    const answers = new Float64Array(answerWidth(signature));
    await learner.predict(frame, answers, []);
    const finite = answers.every((answer) => Number.isFinite(answer));
    return [
      { name: 'loads', passed: true, detail: `${state.length} bytes` },
      {
        name: 'finite',
        passed: finite,
        detail: finite ? 'answers a typical row' : 'answers no number to a typical row',
      },
    ];
  } catch (error) {
    return [{ name: 'loads', passed: false, detail: (error as Error).message }];
  }
}

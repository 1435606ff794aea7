import { join } from 'node:path';
import type { DeployRequest } from '../api.ts';
import { SlipwayError } from '../errors.ts';
import { type Tried, tryCandidate } from '../gates/candidate.ts';
import type { Candidates } from '../gates/candidates.ts';
import { signatureDifference } from '../gates/signature.ts';
import type { Weight } from '../gates/weigh.ts';
import type { Blobs } from '../registry/blobs.ts';
import type { ModelRecord, VersionRecord } from '../registry/registry.ts';
import { type ServingChoice, usualServing } from '../serving.ts';
import { defaultPolicy } from '../signature.ts';
import type { Changes } from './changes.ts';
import { clearQuarantines } from './quarantine.ts';
import { beginRollout, endRollout, runningRollout } from './rollouts.ts';
import { chosenServing } from './tune.ts';

const modelName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** What the candidate process left, as blobs. */
interface Made {
  tried: Tried & Weight;
  program: { digest: string };
  baseline: { digest: string } | null;
  golden: { digest: string } | null;
}

/** Tries a file, and registers it as the model's next version if every gate lets it pass. */
export async function deploy(
  changes: Changes,
  candidates: Candidates,
  name: string,
  request: DeployRequest,
  by: string,
): Promise<{ record: VersionRecord; rollout: string | null }> {
  if (!modelName.test(name)) {
    throw new SlipwayError(
      'INVALID_REQUEST',
      `"${name.slice(0, 100)}" is no model name.`,
      'Letters, digits, ".", "_" and "-", at most 100, beginning with a letter or digit.',
    );
  }
  const { file, baseline, golden } = request;
  const given = [file, baseline, golden].flatMap((one) => one?.digest ?? []);
  const made = await changes.blobs.holding(given, () => tried(changes.blobs, candidates, request));
  const kept = [made.program, made.baseline, made.golden].flatMap((one) => one?.digest ?? []);
  return changes.blobs.holding([...given, ...kept], () =>
    changes.inTurn(() =>
      changes.make(() => {
        const record = recordOf(changes, name, request, by, made);
        const serving = chosenServing(record, usualServing, request.serving ?? {});
        return { record, rollout: register(changes, record, serving, request, by) };
      }),
    ),
  );
}

/** Throws what the candidate throws. */
function tried(blobs: Blobs, candidates: Candidates, request: DeployRequest): Promise<Made> {
  const place = <T extends { name: string; digest: string } | undefined>(one: T) =>
    one ? { name: one.name, path: blobs.path(one.digest) } : null;
  const trial = {
    file: { name: request.file.name, path: blobs.path(request.file.digest) },
    baseline: place(request.baseline),
    golden: place(request.golden),
    label: request.label ?? null,
    classes: request.classes ?? null,
    onnx: request.onnx ?? null,
    rounds: request.rounds ?? ('best' as const),
  };
  const keep = async (tried: Tried & Weight, folder: string): Promise<Made> => ({
    tried,
    program: await blobs.putFile(join(folder, 'program')),
    baseline: tried.hasBaseline ? await blobs.putFile(join(folder, 'baseline')) : null,
    golden: tried.hasGolden ? await blobs.putFile(join(folder, 'golden')) : null,
  });
  return tryCandidate(trial, candidates.bounds, keep, candidates);
}

function recordOf(
  changes: Changes,
  name: string,
  request: DeployRequest,
  by: string,
  made: Made,
): VersionRecord {
  const { tried } = made;
  const gates = [...tried.gates];
  const against = changes.registry.versions(name).at(-1);
  if (against) {
    const difference = signatureDifference(against.signature, tried.signature);
    if (difference !== null && !request.allowSignatureChange) {
      throw new SlipwayError(
        'SIGNATURE_MISMATCH',
        `Gate "signature": unlike version ${against.version}, ${difference}.`,
      );
    }
    const detail =
      difference === null ? `fits version ${against.version}` : `differs, as allowed: ${difference}`;
    gates.push({ name: 'signature', passed: true, detail });
  }
  return {
    model: name,
    version: changes.registry.nextVersion(name),
    kind: tried.kind,
    program: made.program.digest,
    signature: tried.signature,
    policy: { ...defaultPolicy, ...request.policy },
    impute: tried.impute,
    baseline: made.baseline?.digest ?? null,
    golden: made.golden?.digest ?? null,
    promise: tried.promise,
    microseconds: tried.microseconds,
    batchMicroseconds: tried.batchMicroseconds,
    merging: tried.merging,
    placement: tried.placement,
    memoryBytes: tried.memoryBytes,
    attachedBytes: tried.attachedBytes,
    facts: tried.facts,
    importance: tried.importance,
    gates,
    provenance: {
      by,
      at: changes.now(),
      file: request.file.name,
      ...tried.source,
      upload: request.file.digest,
      framework: String(tried.facts.framework ?? tried.kind),
    },
  };
}

/** Returns the id of the rollout that it began, or null. */
function register(
  changes: Changes,
  record: VersionRecord,
  serving: ServingChoice,
  request: DeployRequest,
  by: string,
): string | null {
  const { registry } = changes;
  const { model, version, kind, provenance } = record;
  registry.addVersion(record);
  registry.saveServing(model, version, serving);
  const before = registry.model(model);
  const settings: Pick<ModelRecord, 'failedWrite' | 'privacy' | 'unloaded'> = {
    failedWrite: request.failedWrite ?? before?.failedWrite ?? 'refuse',
    privacy: {
      hash: request.privacy?.hash ?? before?.privacy.hash ?? [],
      drop: request.privacy?.drop ?? before?.privacy.drop ?? [],
    },
    unloaded: before?.unloaded ?? false,
  };
  const live = before?.live ?? null;
  const goesLive = live === null || request.as === 'live';
  const said = goesLive ? 'is live' : request.as === 'shadow' ? 'answers in shadow' : 'waits to be promoted';
  const message = `Version ${version} (${kind}, from ${provenance.file}) passed its gates and ${said}.`;
  const reasons = record.gates.map((gate) => `${gate.name}: ${gate.detail}`);
  changes.enter({ model, version, kind: 'deploy', message, by, reasons });
  if (!before || goesLive) {
    const rollout = before && runningRollout(changes, before);
    if (rollout) endRollout(changes, rollout, 'inconclusive', [`Version ${version} was put live by ${by}.`]);
    clearQuarantines(changes, model);
    registry.saveModel({ model, live: version, previous: live, rollout: null, ...settings });
    return null;
  }
  const present: ModelRecord = { ...before, ...settings };
  registry.saveModel(present);
  if (request.as !== 'shadow') return null;
  if (present.rollout) {
    throw new SlipwayError(
      'CONFLICT',
      `Rollout ${present.rollout} of "${model}" is running.`,
      'Stop it first, or deploy without --as shadow.',
    );
  }
  return beginRollout(changes, present, version, {}, by);
}

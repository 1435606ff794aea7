import type { ServingRequest } from '../api-serving.ts';
import { byteText } from '../byte-text.ts';
import { SlipwayError } from '../errors.ts';
import { mergingGateName } from '../gates/merging.ts';
import type { VersionRecord } from '../registry/registry.ts';
import { type Batching, naturalBatching, type Serving, type ServingChoice, servingOf } from '../serving.ts';
import type { Changes } from './changes.ts';

/** Serves a version otherwise from now on, without another version; in force on every lane when it is done. */
export function tune(
  changes: Changes,
  model: string,
  version: number,
  request: ServingRequest,
  by: string,
): Promise<void> {
  return changes.inTurn(async () => {
    const record = changes.version(model, version);
    const chosen = chosenServing(record, record.serving, request);
    await changes.make(() => {
      changes.registry.saveServing(model, version, chosen);
      const message = `Version ${version} is served otherwise: ${servingText(servingOf(chosen, record.merging))}.`;
      changes.enter({ model, version, kind: 'tune', message, by });
    });
  });
}

/** What was chosen before, changed by what a request says. Throws INVALID_REQUEST for what cannot be served so. */
export function chosenServing(
  record: VersionRecord,
  before: ServingChoice,
  { batching, ...rest }: ServingRequest,
): ServingChoice {
  const chosen: ServingChoice = { ...before, ...rest };
  if (typeof batching === 'string') chosen.batching = batching;
  else if (batching !== undefined) {
    const known = typeof before.batching === 'object' ? before.batching : naturalBatching;
    chosen.batching = { ...known, ...batching };
    checkMerging(record);
    checkBatching(chosen.batching);
  }
  checkWait(chosen);
  return chosen;
}

function checkMerging({ model, version, merging, gates }: VersionRecord): void {
  if (merging === 'pays' || merging === 'possible') return;
  const name = `Version ${version} of "${model}"`;
  if (merging === 'never') {
    throw new SlipwayError(
      'INVALID_REQUEST',
      `${name} answers at once: none of its requests ever waits.`,
      'Leave its batching as it is.',
    );
  }
  const found = gates.find((gate) => gate.name === mergingGateName)?.detail;
  throw new SlipwayError(
    'INVALID_REQUEST',
    found === undefined
      ? `${name} was never looked at for whether its rows stay apart.`
      : `${name}: ${mergingGateName} ${found}.`,
    found === undefined ? 'Deploy its file again.' : 'Leave its batching off.',
  );
}

function checkBatching({ maxSize, preferredSizes, priorityLevels, defaultPriority }: Batching): void {
  const wrong = (what: string): SlipwayError =>
    new SlipwayError('INVALID_REQUEST', what, 'See `slipway tune --help`.');
  if (preferredSizes.some((size, i) => size <= (preferredSizes[i - 1] ?? 0))) {
    throw wrong('The preferred sizes do not ascend.');
  }
  const largest = preferredSizes.at(-1) ?? 0;
  if (largest > maxSize)
    throw wrong(`A preferred size of ${largest} is more than the ${maxSize} rows of one call.`);
  if (defaultPriority > priorityLevels) {
    throw wrong(`The default priority ${defaultPriority} is none of the ${priorityLevels} levels.`);
  }
}

/** A lone request waits for the whole delay. */
function checkWait({ batching, timeoutMs }: ServingChoice): void {
  if (typeof batching === 'string' || batching.maxDelayMs === 0) return;
  const { maxDelayMs, queueTimeoutMs } = batching;
  const check = (name: string, given: number | null): void => {
    if (given === null || given > maxDelayMs) return;
    throw new SlipwayError(
      'INVALID_REQUEST',
      `A ${name} of ${given} ms is over before a batch that waits ${maxDelayMs} ms for more goes: a lone request would always be late.`,
      'Make the delay (--batch-delay) shorter, or the timeout longer.',
    );
  };
  check('queue timeout', queueTimeoutMs);
  check('timeout', timeoutMs);
}

/** How a version is served, in one line. */
export function servingText({ batching, cacheBytes, timeoutMs }: Serving): string {
  const delay = batching?.maxDelayMs ? `, waiting up to ${batching.maxDelayMs} ms for more` : '';
  return [
    batching ? `up to ${batching.maxSize} rows go in one call${delay}` : 'each request is a call of its own',
    cacheBytes > 0 ? `${byteText(cacheBytes)} of answers are kept` : 'no answers are kept',
    timeoutMs === null ? 'no time limit of its own' : `at most ${timeoutMs} ms a request`,
  ].join('; ');
}

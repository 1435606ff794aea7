import { SlipwayError } from '../../errors.ts';
import type { LabelEvent } from '../../events.ts';
import type { Finder } from '../../journal/find.ts';
import { idTime, parseId } from '../../journal/id.ts';
import { isObject } from '../../json.ts';
import { readText, readTime } from '../../lane/caller.ts';
import type { DataPlane } from '../../lane/data-plane.ts';
import type { LoopsLine } from '../../lane/loops-line.ts';
import { shown } from '../../shown.ts';
import { classIndex } from '../../signature.ts';
import type { Exchange } from './exchange.ts';
import { refuseOthers } from './own-fields.ts';

/** Labels in one request. */
const countLimit = 10_000;
const labelTextLimit = 1024;
const labelFields: ReadonlySet<string> = new Set(['id', 'model', 'key', 'label', 'at']);
const listFields: ReadonlySet<string> = new Set(['labels']);
/** How long `?wait=served` waits, ms. */
const waitMs = 60_000;

/**
 * POST /labels: the truth about predictions. 202 as soon as it is kept; with `?wait=served` 200 once it is
 * folded and learned and all that came of it is in force.
 */
export function labels(
  plane: DataPlane,
  loops: LoopsLine,
  finder: Finder,
  exchange: Exchange,
  body: unknown,
): void {
  const wait = waits(exchange.query);
  if (!isObject(body)) throw new SlipwayError('INVALID_REQUEST', 'The body is not a JSON object.');
  if (body.labels !== undefined) refuseOthers(body, listFields, 'A list of labels');
  const given = body.labels === undefined ? [body] : body.labels;
  if (!Array.isArray(given) || given.length === 0 || given.length > countLimit) {
    throw new SlipwayError('INVALID_REQUEST', `"labels" is not a list of 1 to ${countLimit} labels.`);
  }
  // All are checked before any is kept: a request is taken whole or not at all.
  const events = given.map((label, index) => read(plane, loops, label, index));
  if (
    loops.waiting + events.length > loops.waitingLimit &&
    !events.every((event) => isKnown(finder, event))
  ) {
    throw new SlipwayError('TOO_MANY_WAITING', `${loops.waiting} labels already wait for their predictions.`);
  }
  plane.label(events, (position, error) => {
    if (error) exchange.fail(error);
    else if (!wait || position === null) exchange.answer(202, { accepted: events.length });
    else {
      const timer = setTimeout(
        () => exchange.fail(new SlipwayError('TIMEOUT', 'The labels are kept, but not folded yet.')),
        waitMs,
      );
      void loops.folded(position).then(() => {
        clearTimeout(timer);
        exchange.answer(200, { accepted: events.length });
      });
    }
  });
}

function waits(query: string): boolean {
  const wait = new URLSearchParams(query).get('wait');
  if (wait !== null && wait !== 'served')
    throw new SlipwayError(
      'INVALID_REQUEST',
      `"wait" is ${shown(wait)}.`,
      'It may be "served", or not be there.',
    );
  return wait !== null;
}

/** Whether a label would not have to wait: looked up only when too many do already. */
function isKnown(finder: Finder, { prediction }: LabelEvent): boolean {
  return prediction !== null && finder.find(prediction.id) !== null;
}

function read(plane: DataPlane, loops: LoopsLine, value: unknown, index: number): LabelEvent {
  const fail = (code: 'INVALID_REQUEST' | 'LABEL_INVALID', message: string): never => {
    throw new SlipwayError(code, `Label ${index}: ${message}`);
  };
  if (!isObject(value)) return fail('INVALID_REQUEST', 'it is not an object.');
  refuseOthers(value, labelFields, `Label ${index}`);
  const { id } = value;
  const label = typeof value.label === 'bigint' ? Number(value.label) : value.label;
  const key = readText(value, 'key');
  const model = readText(value, 'model');
  const prediction = typeof id === 'string' ? parseId(id) : null;
  if (id !== undefined && prediction === null) fail('INVALID_REQUEST', `${shown(id)} is no prediction id.`);
  if ((prediction === null) === (key === null))
    fail('INVALID_REQUEST', 'it needs "id", or "key" with "model".');
  if (key !== null && model === null) fail('INVALID_REQUEST', 'a "key" needs its "model".');
  if (prediction !== null && idTime(prediction.id) < loops.oldest) {
    throw new SlipwayError(
      'PREDICTION_EXPIRED',
      `Label ${index}: prediction ${id as string} is past retention.`,
    );
  }
  const isBoolean = typeof label === 'boolean';
  const isText = typeof label === 'string' && label.length <= labelTextLimit;
  if (!isBoolean && !isText && !(typeof label === 'number' && Number.isFinite(label))) {
    fail('LABEL_INVALID', `${shown(label)} is neither a class nor a number.`);
  }
  if (model !== null) {
    const { signature } = plane.version(model);
    const fits = signature.classes
      ? classIndex(signature, label as string | number | boolean) >= 0
      : typeof label === 'number';
    if (!fits) {
      const takes = signature.classes
        ? `one of ${JSON.stringify(signature.classes.slice(0, 20))}`
        : 'a number';
      fail('LABEL_INVALID', `${shown(label)} is not ${takes}.`);
    }
  }
  return {
    type: 'label',
    id: plane.newId(),
    model,
    prediction,
    key,
    label: isBoolean ? (label ? 1 : 0) : (label as string | number),
    at: readTime(value.at) ?? plane.now(),
  };
}

import type { Gate } from '../api.ts';
import type { Model, Place } from '../models/model.ts';
import type { Merging } from '../serving.ts';
import { answerWidth, isOpen, textColumns } from '../signature.ts';
import { type Frame, newFrame } from '../tensor.ts';
import { isInTexts, textAt } from '../texts.ts';
import type { Timing } from './timing.ts';

export const mergingGateName = 'rows of several callers';

/** A row in a batch must cost at most this share of a single one for merging to pay. */
const payingShare = 0.5;
/** Rows that are answered singly and together, as many as fit into about so many ms, and two in any case that can wait. */
const mostRows = 64;
const patienceMs = 500;
const leastRows = 2;
const longestMs = 5000;

/**
 * Whether several callers' rows may be merged into one call of the model, and whether that pays. A graph may make
 * something of all rows of a call together (a quantised one scales by the greatest of them): then what one caller sends
 * would be seen in what another gets, so rows are answered beside others and alone, and must come out the same.
 */
export async function mergingGate(
  model: Model,
  place: Place,
  rows: Frame,
  timing: Timing,
  tolerance: number,
): Promise<{ merging: Merging; gate: Gate | null }> {
  if (place === 'inline') return { merging: 'never', gate: null };
  const found = (merging: Merging, detail: string) => ({
    merging,
    gate: { name: mergingGateName, passed: true, detail },
  });
  if (model.signature.inputs.some(isOpen))
    return found('unsafe', 'are never merged: they may be of different sizes');
  const within = (ms: number): number => Math.floor((ms * 1000) / timing.single);
  const inTime = Math.max(within(patienceMs), Math.min(leastRows, within(longestMs)));
  const count = Math.min(mostRows, rows.rows, inTime);
  // A row beside its own copies proves nothing.
  if (count < 2) return found('unsafe', 'are never merged: too few rows to prove that they stay apart');
  const different = await firstDifferent(model, rows, count, tolerance);
  if (different !== null) return found('unsafe', `are never merged: ${different}`);
  const share = timing.batch / timing.single;
  const cost = `a row in a batch costs ${Math.ceil(share * 100)} % of a single one`;
  // How many requests another server answers at a time is its own business, and not known here.
  if (place === 'elsewhere') return found('possible', `may be merged: ${cost}`);
  if (share > payingShare) return found('possible', `may be merged, but are not: ${cost}`);
  return found('pays', `are merged where they wait: ${cost}`);
}

/** Why the rows may not be merged, or null. */
async function firstDifferent(
  model: Model,
  { width, values, texts }: Frame,
  rows: number,
  tolerance: number,
): Promise<string | null> {
  const each = answerWidth(model.signature);
  const together = new Float64Array(rows * each);
  const togetherTexts: string[] = [];
  const inTexts = textColumns(model.signature.outputs);
  try {
    await model.predict(
      { rows, width, values: values.slice(0, rows * width), texts },
      together,
      togetherTexts,
    );
  } catch (thrown) {
    return `it does not answer ${rows} rows at once (${(thrown as Error).message})`;
  }
  const alone = new Float64Array(each);
  const one: Frame = { ...newFrame(1, width), texts };
  for (let row = 0; row < rows; row++) {
    one.values.set(values.subarray(row * width, (row + 1) * width));
    const aloneTexts: string[] = [];
    await model.predict(one, alone, aloneTexts);
    for (let k = 0; k < each; k++) {
      const [got, wanted] = [together[row * each + k]!, alone[k]!];
      const isSame =
        inTexts.includes(k) && isInTexts(wanted)
          ? isInTexts(got) && textAt(got, togetherTexts) === textAt(wanted, aloneTexts)
          : Object.is(got, wanted) || Math.abs(got - wanted) <= tolerance * Math.max(1, Math.abs(wanted));
      if (!isSame) return `a row is answered ${wanted} alone and ${got} beside others`;
    }
  }
  return null;
}

import { classIndex, isOpen, isScored, type Scored, type Signature, type TensorSpec } from '../signature.ts';
import { numberOf } from './written-number.ts';

/** An output of golden rows, and what it is held against. */
export interface GoldenOutput {
  /** As the file calls it. */
  name: string;
  /** Columns of the answer row; `class`: the class that the version predicts. */
  against: TensorSpec | 'class';
  data: unknown[];
}

type Written = Pick<GoldenOutput, 'name' | 'data'>;
type Broken = (message: string) => never;

/** What a version's answer is called, whatever its output is: by scikit-learn, skl2onnx's ZipMap and MLflow. */
const meanings = {
  class: ['label', 'class', 'output_label'],
  probabilities: ['probabilities', 'probability', 'output_probability', 'predict_proba'],
  predictions: ['predictions', 'prediction', 'predict', 'pyfunc'],
};
const numbered = /^(?:output_?)?(\d+)$/i;

/**
 * What golden outputs are held against: the version's of the same name; where it has none of them, those at the places
 * that they all are numbered by (from 0), or the answer, by the names that say what of it they are. Others are left
 * out; where nothing is left, or does not fit, `broken` is told.
 */
export function goldenOutputs(outputs: Written[], signature: Signature, broken: Broken): GoldenOutput[] {
  const named = outputs.flatMap(({ name, data }) => {
    const spec = signature.outputs.find((one) => one.name === name);
    return spec ? [{ name, against: spec, data }] : [];
  });
  if (named.length > 0) return named;
  const placed = byPlace(outputs, signature, broken);
  if (placed.length > 0) return placed;
  const meant = isScored(signature) ? outputs.flatMap((one) => byMeaning(one, signature, broken)) : [];
  if (meant.length > 0) return meant;
  const own = signature.outputs.map(({ name }) => name).join(', ');
  const answer = signature.classes ? '"probabilities", "label" or "predictions"' : '"predictions"';
  const or = isScored(signature) ? `; nor is it called ${answer}, which stand for its answer` : '';
  return broken(`none of its outputs is one of the version's: ${own}${or}.`);
}

function byPlace(outputs: Written[], signature: Signature, broken: Broken): GoldenOutput[] {
  const places = outputs.map(({ name }) => Number(numbered.exec(name)?.[1]));
  if (!places.includes(0) || places.some((place) => !(place < signature.outputs.length))) return [];
  return outputs.map(({ name, data }, i) => {
    const spec = signature.outputs[places[i]!]!;
    if (!isOpen(spec) && widthOf(data) !== spec.width) misfit(name, data, spec, broken);
    return { name, against: spec, data };
  });
}

function byMeaning({ name, data }: Written, signature: Scored, broken: Broken): GoldenOutput[] {
  const { task, classes, outputs, answer } = signature;
  const isCalled = (meaning: keyof typeof meanings) => meanings[meaning].includes(name.toLowerCase());
  // `predict` of a library answers classes or numbers, and which it was is seen of what it answered.
  if (classes && (isCalled('class') || (isCalled('predictions') && areClasses(data, signature))))
    return [{ name, against: 'class', data }];
  if (!isCalled('predictions') && !(classes && isCalled('probabilities'))) return [];
  const spec = outputs.find(
    ({ column, width }) => column <= answer.column && answer.column < column + width,
  )!;
  const width = widthOf(data);
  if (width === spec.width) return [{ name, against: spec, data }];
  if (task === 'binary' && width === 1)
    return [{ name, against: { ...spec, column: answer.column, width }, data }];
  if (task === 'binary' && width === 2 && !answer.scores)
    return [{ name, against: spec, data: seconds(name, data, broken) }];
  return misfit(name, data, spec, broken);
}

/** Of the probabilities of two classes the second's, which are all that some versions answer. */
function seconds(name: string, data: unknown[], broken: Broken): unknown[] {
  return data.map((values, row) => {
    const [first, second] = [values].flat(Number.POSITIVE_INFINITY);
    const sum = numberOf(first) + numberOf(second);
    if (Math.abs(sum - 1) > 1e-5) broken(`row ${row} of "${name}" adds up to ${sum}, not to 1.`);
    return second;
  });
}

function areClasses(data: unknown[], signature: Signature): boolean {
  return data.every((value) => {
    const [own, ...more] = [value].flat(Number.POSITIVE_INFINITY);
    return more.length === 0 && classIndex(signature, own as string | number | boolean) >= 0;
  });
}

function misfit(name: string, data: unknown[], spec: TensorSpec, broken: Broken): never {
  return broken(
    `its "${name}" has ${widthOf(data)} values a row, and "${spec.name}", the version's output for it, ${spec.width}.`,
  );
}

/** Values of its first row. */
function widthOf(data: unknown[]): number {
  return [data[0]].flat(Number.POSITIVE_INFINITY).length;
}

import { SlipwayError } from '../../errors.ts';
import type { LogisticRates } from './learner.ts';
import type { LogisticState } from './state.ts';

/** A logistic learner as a file: JSON, described in docs/models.md. */
export interface LogisticArtifact extends LogisticRates {
  /** In column order; null: those of the training data. */
  features: string[] | null;
  classes: (string | number)[] | null;
  /** Where it begins; null: from nothing, on the training rows. */
  state: LogisticState | null;
}

const fields = ['slipway', 'features', 'classes', 'learningRate', 'interceptLearningRate', 'state'];
const stateFields = ['count', 'intercept', 'mean', 'variance', 'weights'];
const featureLimit = 100_000;

/** Reads it strictly. Throws FILE_BROKEN, naming the file and the field. */
export function readArtifact(text: string, file: string): LogisticArtifact {
  const broken = (message: string): never => {
    throw new SlipwayError(
      'FILE_BROKEN',
      `${file}: ${message}`,
      'See docs/models.md for what a learner’s file holds.',
    );
  };
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    return broken(`it is not JSON: ${(error as Error).message}.`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    return broken('it is not a JSON object.');
  const given = new Map(Object.entries(parsed));
  for (const name of given.keys())
    if (!fields.includes(name)) broken(`"${name}" is no field of a learner’s file.`);
  const rate = (name: string, usual: number): number => {
    const value = given.get(name) ?? usual;
    return typeof value === 'number' && value > 0 && value <= 10
      ? value
      : broken(`"${name}" is not a number in (0, 10].`);
  };
  const features = given.get('features') ?? null;
  if (features !== null && !isNames(features)) broken('"features" is not a list of different names.');
  const classes = given.get('classes') ?? null;
  if (classes !== null && !isLabels(classes)) {
    broken('"classes" is not a list of two different labels.');
  }
  const state = given.get('state') ?? null;
  if (state !== null && features === null) broken('"state" needs "features".');
  return {
    features: features as string[] | null,
    classes: classes as LogisticArtifact['classes'],
    learningRate: rate('learningRate', 0.005),
    interceptLearningRate: rate('interceptLearningRate', 0.01),
    state: state === null ? null : readState(state, (features as string[]).length, broken),
  };
}

function readState(value: unknown, features: number, broken: (message: string) => never): LogisticState {
  if (typeof value !== 'object' || value === null) return broken('"state" is not an object.');
  const given = new Map(Object.entries(value));
  const floats = (name: string): Float64Array => {
    const list = given.get(name);
    if (!Array.isArray(list) || list.length !== features || !list.every((one) => Number.isFinite(one))) {
      return broken(`"state.${name}" is not a list of ${features} finite numbers.`);
    }
    return Float64Array.from(list as number[]);
  };
  const number = (name: string): number => {
    const one = given.get(name);
    return typeof one === 'number' && Number.isFinite(one)
      ? one
      : broken(`"state.${name}" is not a finite number.`);
  };
  const counts = new Float64Array(features).fill(number('count'));
  const variance = floats('variance');
  if ([...counts, ...variance].some((one) => one < 0)) broken('"state" has a negative count or variance.');
  for (const name of given.keys())
    if (!stateFields.includes(name)) broken(`"state.${name}" is no field of a learner’s state.`);
  return {
    intercept: number('intercept'),
    counts,
    mean: floats('mean'),
    variance,
    weights: floats('weights'),
  };
}

function isNames(value: unknown): value is string[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= featureLimit &&
    value.every((name) => typeof name === 'string' && name.length > 0) &&
    new Set(value).size === value.length
  );
}

function isLabels(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length === 2 &&
    value.every((one) => typeof one === 'string' || Number.isFinite(one)) &&
    String(value[0]) !== String(value[1])
  );
}

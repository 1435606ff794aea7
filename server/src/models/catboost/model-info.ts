import type { ModelInfo } from './catboost-model.ts';

/** Reads the parts of CatBoost's model info that Slipway needs; `field` gives a JSON value, or undefined. */
export function readModelInfo(field: (key: string) => unknown): ModelInfo {
  const version = /release (\d+(?:\.\d+)+)/.exec(String(field('catboost_version_info') ?? ''))?.[1];
  // Summed models (`sum_models`) have no parameters, but their loss as JSON in a text.
  const loss = at(field('params'), 'loss_function', 'type') ?? at(parsed(field('loss_function')), 'type');
  return {
    version: version ?? null,
    loss: typeof loss === 'string' ? loss : null,
    classes: classNames(at(field('class_params'), 'class_names')),
  };
}

/** The JSON in a text; undefined if there is none. */
export function parsed(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    return undefined;
  }
}

/** Follows own keys only. */
function at(value: unknown, ...keys: string[]): unknown {
  let found = value;
  for (const key of keys) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Record<string, unknown>)[key];
  }
  return found;
}

function classNames(value: unknown): (string | number)[] | null {
  if (!Array.isArray(value) || value.length === 0) return null;
  const isLabel = (one: unknown) => typeof one === 'string' || Number.isFinite(one);
  return value.every(isLabel) ? (value as (string | number)[]) : null;
}

import type { Task } from '../../signature.ts';
import type { LightgbmHeader } from './lightgbm-header.ts';
import type { LightgbmText } from './lightgbm-text.ts';
import type { Link } from './link.ts';

export interface Objective {
  name: string;
  task: Task;
  link: Link['kind'];
  /** The sigmoid's factor. */
  scale: number;
}

const outputs: ReadonlyMap<string, { task: Task; link: Link['kind']; takes: readonly string[] }> = new Map([
  ['regression', { task: 'regression', link: 'raw', takes: ['sqrt'] }],
  ['regression_l1', { task: 'regression', link: 'raw', takes: ['sqrt'] }],
  ['huber', { task: 'regression', link: 'raw', takes: [] }],
  ['fair', { task: 'regression', link: 'raw', takes: ['sqrt'] }],
  ['quantile', { task: 'regression', link: 'raw', takes: ['sqrt'] }],
  ['mape', { task: 'regression', link: 'raw', takes: ['sqrt'] }],
  ['poisson', { task: 'regression', link: 'exp', takes: [] }],
  ['gamma', { task: 'regression', link: 'exp', takes: [] }],
  ['tweedie', { task: 'regression', link: 'exp', takes: [] }],
  ['cross_entropy', { task: 'binary', link: 'sigmoid', takes: [] }],
  ['cross_entropy_lambda', { task: 'regression', link: 'log1pexp', takes: [] }],
  ['binary', { task: 'binary', link: 'sigmoid', takes: ['sigmoid'] }],
  ['multiclass', { task: 'multiclass', link: 'softmax', takes: ['num_class'] }],
  ['multiclassova', { task: 'multiclass', link: 'sigmoid', takes: ['num_class', 'sigmoid'] }],
  ['lambdarank', { task: 'ranking', link: 'raw', takes: [] }],
  ['rank_xendcg', { task: 'ranking', link: 'raw', takes: [] }],
]);

/** What the objective line says of the answer; its parameters are checked, and never guessed. */
export function readObjective(text: LightgbmText, { objective, classes, groups }: LightgbmHeader): Objective {
  if (classes !== groups) {
    throw text.broken('num_class', `is ${classes}, but num_tree_per_iteration is ${groups}`);
  }
  const [name = '', ...words] = objective?.split(' ') ?? ['custom'];
  // Without an objective line, LightGBM answers with the raw sum.
  const output =
    objective === null ? ({ task: 'regression', link: 'raw', takes: [] } as const) : outputs.get(name);
  const hint = `Slipway knows the answers of ${[...outputs.keys()].join(', ')}.`;
  if (output === undefined) throw text.unsupported('objective', `“${name.slice(0, 40)}” is unknown`, hint);

  const parameters = new Map<string, string>();
  for (const word of words) {
    const [, key = '', value = ''] = /^([a-z_]+)(?::([-+.0-9e]+))?$/.exec(word) ?? [];
    if (!output.takes.some((taken) => taken === key) || parameters.has(key)) {
      throw text.unsupported('objective', `“${word.slice(0, 40)}” is no known parameter of ${name}`, hint);
    }
    parameters.set(key, value);
  }
  const isMulticlass = output.task === 'multiclass';
  if (isMulticlass && parameters.get('num_class') !== String(classes)) {
    throw text.broken('objective', `its num_class is not that of the file, ${classes}`);
  }
  if (isMulticlass !== classes > 1) {
    throw text.broken('num_class', `is ${classes}, which does not go with the objective ${name}`);
  }
  const takesScale = output.takes.some((taken) => taken === 'sigmoid');
  const scale = takesScale ? Number(parameters.get('sigmoid') || Number.NaN) : 1;
  if (!(scale > 0 && scale < Infinity))
    throw text.broken('objective', 'its sigmoid is not a positive number');
  return { name, task: output.task, link: parameters.has('sqrt') ? 'squared' : output.link, scale };
}

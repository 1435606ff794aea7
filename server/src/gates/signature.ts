import type { Signature } from '../signature.ts';

/** How a signature would surprise the callers of another, in words; null if it would not. */
export function signatureDifference(before: Signature, after: Signature): string | null {
  if (before.task !== after.task) return `it is ${after.task}, not ${before.task}`;
  const names = (signature: Signature) => signature.features.map((feature) => feature.name);
  const gone = names(before).filter((name) => !names(after).includes(name));
  const come = names(after).filter((name) => !names(before).includes(name));
  if (gone.length > 0) return `it does not take ${listed(gone)}`;
  if (come.length > 0) return `it also takes ${listed(come)}`;
  for (const feature of before.features) {
    const other = after.features.find((one) => one.name === feature.name)!;
    if (shape(feature.type) !== shape(other.type))
      return `"${feature.name}" is ${other.type}, not ${feature.type}`;
  }
  const classes = (signature: Signature) => (signature.classes ?? []).map(String);
  const [had, has] = [classes(before), classes(after)];
  if (had.length !== has.length || had.some((label, i) => label !== has[i])) {
    return `its classes are ${listed(has)}, not ${listed(had)}`;
  }
  return null;
}

/** Types that take the same JSON values. */
function shape(type: string): string {
  return type === 'integer' ? 'number' : type;
}

function listed(names: string[]): string {
  return `${names
    .slice(0, 10)
    .map((name) => `"${name}"`)
    .join(', ')}${names.length > 10 ? ` and ${names.length - 10} more` : ''}`;
}

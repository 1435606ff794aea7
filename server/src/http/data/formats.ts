import type { Format } from './format.ts';
import { instances } from './instances.ts';
import { namedRows } from './named-rows.ts';
import { tensors } from './tensors.ts';

/** Every way in which rows come over HTTP. */
export const formats = { namedRows, tensors, instances };

export type FormatName = keyof typeof formats;

export function formatNamed(name: FormatName): Format<unknown> {
  return formats[name] as Format<unknown>;
}

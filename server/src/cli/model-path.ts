import { statSync } from 'node:fs';
import { basename, dirname } from 'node:path';

/** What a path to a model means: a description that stands for its folder (MLflow's) means that folder. */
export function modelPath(path: string): string {
  const describes = basename(path) === 'MLmodel' && statSync(path, { throwIfNoEntry: false })?.isFile();
  return describes ? dirname(path) : path;
}

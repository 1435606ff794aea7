import { readFile } from 'node:fs/promises';
import { kindNamed } from '../models/kinds.ts';
import { answerWidth, type Signature } from '../signature.ts';
import { emptyRows } from './timing.ts';

/** A prepared version to be loaded as a lane loads it. `program`: absolute path. */
export interface Load {
  kind: string;
  program: string;
  signature: Signature;
}

/**
 * Bytes that a process grows by when it attaches the version and answers its first row, the kind's runtime included.
 * Runs in a process that has done nothing else: what reading and compiling the file took would be counted otherwise.
 */
export async function weigh({ kind, program, signature }: Load): Promise<number> {
  const bytes = await readFile(program);
  const before = resident();
  const model = await kindNamed(kind).attach(bytes, signature);
  await model.predict(emptyRows(signature, 1), new Float64Array(answerWidth(signature)), []);
  const after = resident();
  await model.close?.();
  return Math.max(0, after - before);
}

function resident(): number {
  globalThis.gc?.();
  return process.memoryUsage.rss();
}

import { kindNamed } from '../models/kinds.ts';
import type { Model } from '../models/model.ts';
import { ProgramFile } from '../models/program-file.ts';
import { answerWidth, type Signature } from '../signature.ts';
import { emptyRows } from './timing.ts';

/** A prepared version to be loaded as a lane loads it. `program`: absolute path. */
export interface Load {
  kind: string;
  program: string;
  signature: Signature;
}

/** Bytes that a process grows by, with the processes that it starts for the version. */
export interface Weight {
  /** When it attaches the version and answers its first row, the kind's runtime included. */
  memoryBytes: number;
  /** When it has done so before: what one more of its kind takes. */
  attachedBytes: number;
}

/** So many more are attached to know what one takes, or as many as fit in so many bytes: pages are counted whole. */
const more = { most: 8, bytes: 2 ** 27 };

/** Runs in a process that has done nothing else: what reading and compiling the file took would be counted otherwise. */
export async function weigh({ kind, program, signature }: Load): Promise<Weight> {
  const models: Model[] = [];
  const attach = async (): Promise<void> => {
    const file = await ProgramFile.open(program);
    const model = await kindNamed(kind).attach(file, signature);
    await file.close();
    models.push(model);
    try {
      await model.predict(emptyRows(signature, 1), new Float64Array(answerWidth(signature)), []);
    } catch {
      // A row that it refuses has been looked at as well.
    }
  };
  const held = (): number => models.reduce((sum, model) => sum + (model.residentBytes?.() ?? 0), resident());
  const before = resident();
  await attach();
  const first = held();
  const memoryBytes = Math.max(0, first - before);
  const count = Math.min(more.most, Math.floor(more.bytes / Math.max(1, memoryBytes)));
  for (let one = 0; one < count; one++) await attach();
  const attachedBytes = count > 0 ? Math.max(0, held() - first) / count : memoryBytes;
  for (const model of models) await model.close?.();
  return { memoryBytes, attachedBytes: Math.ceil(attachedBytes) };
}

function resident(): number {
  globalThis.gc?.();
  return process.memoryUsage.rss();
}

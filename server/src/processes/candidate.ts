import { flushCompileCache } from 'node:module';
import { setPriority } from 'node:os';
import { errorBody } from '../errors.ts';
import type { CandidateAnswer, CandidateRequest } from '../gates/candidate-process.ts';
import { tryOut } from '../gates/try-out.ts';
import { type Load, weigh } from '../gates/weigh.ts';
import { allowPython } from '../models/python/settings.ts';

/** A version that wants in is nobody's caller. */
const niceness = 10;

const send = (answer: CandidateAnswer): Promise<void> =>
  new Promise((resolve) => {
    process.send?.(answer, () => resolve());
  });

process.on('disconnect', () => process.exit(0));
process.once('message', async (request: CandidateRequest) => {
  allowPython(request.python);
  try {
    setPriority(niceness);
  } catch {
    // Not allowed everywhere; it is a courtesy.
  }
  try {
    const step = (one: string): void => void send({ type: 'step', step: one });
    const loads = (load: Load): void => void send({ type: 'loads', load });
    const result =
      request.type === 'try' ? await tryOut(request.trial, step, loads) : await weigh(request.load);
    // Whoever has the result ends this process at once.
    flushCompileCache();
    await send({ type: 'done', result });
  } catch (error) {
    await send({ type: 'failed', error: errorBody(error) });
  }
  process.exit(0);
});

import { setPriority } from 'node:os';
import { errorBody } from '../errors.ts';
import type { CandidateAnswer, Trial } from '../gates/candidate.ts';
import { tryOut } from '../gates/try-out.ts';

/** A version that wants in is nobody's caller. */
const niceness = 10;

const send = (answer: CandidateAnswer): Promise<void> =>
  new Promise((resolve) => {
    process.send?.(answer, () => resolve());
  });

process.on('disconnect', () => process.exit(0));
process.once('message', async (trial: Trial) => {
  try {
    setPriority(niceness);
  } catch {
    // Not allowed everywhere; it is a courtesy.
  }
  try {
    const tried = await tryOut(trial, (step) => void send({ type: 'step', step }));
    await send({ type: 'tried', tried });
  } catch (error) {
    await send({ type: 'failed', error: errorBody(error) });
  }
  process.exit(0);
});

import { cpSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ModelView } from '../../src/api.ts';
import { electricity, inRepository, Slipway } from '../processes/harness.ts';

/** Whole data folders as every release wrote them, with what that release said of them. */
const releases = inRepository('spec/old-data');

test.each(readdirSync(releases))('what %s wrote is read, and goes on', async (release) => {
  const data = mkdtempSync(join(tmpdir(), 'slipway-old-'));
  cpSync(join(releases, release), data, { recursive: true });
  const expected = JSON.parse(readFileSync(join(data, 'expected.json'), 'utf8'));
  const slipway = await Slipway.start({ data });
  try {
    // A later release may say more of it.
    expect(await slipway.prediction(expected.prediction.id)).toMatchObject(expected.prediction);
    const view = async () => (await slipway.api<ModelView>('GET', '/api/models/electricity')).body;
    const before = await view();
    expect(before.overall).toEqual(expected.overall);
    const learner = before.versions[1]!.learner!;
    expect(learner.update).toBe(expected.update);
    expect(learner.checkpoints.map(({ update }) => update)).toEqual(expected.checkpoints);
    const reproduced = await slipway.api<{ answers: { equal: boolean }[] }>(
      'GET',
      `/api/predictions/${expected.prediction.id}/reproduction`,
    );
    expect(reproduced.body.answers.map(({ equal }) => equal)).toEqual([true, true]);
    // It goes on where it ended: the old prediction's key still takes a correction, and new rows are counted.
    const { features, label } = electricity(9122, 9123)[0]!;
    const { body } = await slipway.predict('electricity', { features });
    await slipway.label({ id: body.id, label });
    expect((await view()).overall.labelled).toBe(expected.overall.labelled + 1);
  } finally {
    await slipway.end();
  }
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { catboost } from '../../../src/models/catboost/catboost.ts';

const spec = new URL('../../../../spec/', import.meta.url).pathname;
const theirs = JSON.parse(readFileSync(`${spec}vectors/catboost/importance.json`, 'utf8')) as Record<
  string,
  Record<string, number | null>
>;

/** By feature. */
async function importance(path: string): Promise<Record<string, number> | undefined> {
  const prepared = await catboost.prepare({ main: 'model', path }, {});
  const [measure, ...others] = prepared.importance ?? [];
  expect(others).toEqual([]);
  if (!measure) return undefined;
  expect(measure.measure).toBe('effect');
  return Object.fromEntries(
    prepared.signature.features.map(({ name }, i) => [name, measure.values[i] ?? Number.NaN]),
  );
}

test.each(Object.entries(theirs))('%s: as CatBoost itself says', async (file, wanted) => {
  const own = await importance(`${spec}models/${file}`);
  expect(Object.keys(own!).sort()).toEqual(Object.keys(wanted).sort());
  // In other orders of summing, of parts of a hundred.
  for (const [name, value] of Object.entries(wanted))
    expect(Math.abs(own![name]! - (value ?? 0)), name).toBeLessThan(1e-12);
});

test('a file that does not say what its leaves weigh has none, and is served', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-importance-'));
  const path = join(folder, 'model.json');
  try {
    for (const [name, key] of [
      ['cat_regression', 'leaf_weights'],
      ['cat_lossguide', 'weight'],
    ] as const) {
      const text = readFileSync(`${spec}models/${name}/model.json`, 'utf8');
      for (const without of [text.replace(`"${key}"`, '"other"'), text.replaceAll(`"${key}"`, '"other"')]) {
        writeFileSync(path, without);
        expect(await importance(path)).toBeUndefined();
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

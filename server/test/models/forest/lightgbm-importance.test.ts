import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readLightgbm } from '../../../src/models/forest/read-lightgbm.ts';

const models = new URL('../../../../spec/models/', import.meta.url).pathname;
const files = readdirSync(models, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.txt'),
);

/** What LightGBM itself wrote at the end of the file: `name=splits`, of features that are used at all. */
test.each(files)('%s: splits are those that LightGBM counted', (file) => {
  const text = readFileSync(models + file, 'utf8');
  const listed = text.split(/^feature_importances:\n/m)[1]?.split('\n\n')[0];
  expect(listed).toBeDefined();
  const theirs = new Map(
    listed!
      .split('\n')
      .filter(Boolean)
      .map((line) => [line.slice(0, line.lastIndexOf('=')), Number(line.slice(line.lastIndexOf('=') + 1))]),
  );
  const { header, importance } = readLightgbm(Buffer.from(text), file);
  const [splits, gain] = importance;
  expect(splits?.measure).toBe('splits');
  expect(splits!.values).toEqual(header.names.map((name) => theirs.get(name) ?? 0));
  expect(gain!.values.map((value) => value > 0)).toEqual(splits!.values.map((value) => value > 0));
});

test('a file without gains has no importance', () => {
  const text = readFileSync(`${models}lgb_regression/model.txt`, 'utf8');
  const without = text.replace(/^split_gain=.*$/m, 'split_gain=nan');
  expect(readLightgbm(Buffer.from(without), 'model.txt').importance).toEqual([]);
});

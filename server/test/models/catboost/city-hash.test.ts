import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { CategoryHashes } from '../../../src/models/catboost/category-hashes.ts';
import {
  add,
  extended,
  mul,
  rotate,
  shiftRight,
  sub,
  type U64,
  u64,
  xor,
} from '../../../src/models/catboost/u64.ts';
import { seeded } from '../../stats/seeded.ts';
import { spec } from '../forest/fixture.ts';

it('64-bit arithmetic is that of BigInt', () => {
  const random = seeded(3);
  const word = () =>
    (random() < 0.2 ? [0, -1, 1, 0x80000000][Math.floor(random() * 4)]! : random() * 2 ** 32) | 0;
  const big = ({ hi, lo }: U64) => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
  for (let k = 0; k < 5000; k++) {
    const [a, b] = [u64(word(), word()), u64(word(), word())];
    const [x, y] = [big(a), big(b)];
    expect(big(add(a, b))).toBe(BigInt.asUintN(64, x + y));
    expect(big(sub(a, b))).toBe(BigInt.asUintN(64, x - y));
    expect(big(mul(a, b))).toBe(BigInt.asUintN(64, x * y));
    expect(big(xor(a, b))).toBe(x ^ y);
    expect(big(extended(a.lo))).toBe(BigInt.asUintN(64, BigInt(a.lo)));
    const by = 1 + Math.floor(random() * 63);
    if (by !== 32)
      expect(big(rotate(a, by))).toBe(BigInt.asUintN(64, (x >> BigInt(by)) | (x << BigInt(64 - by))));
    if (by > 32) expect(big(shiftRight(a, by))).toBe(x >> BigInt(by));
  }
});

/** The texts of a pool with their hashes, as CatBoost writes them beside a model; of 0 to 300 bytes. */
it.each(['cat_ctr_kinds', 'cat_categorical_ctr'])('hashes texts as CatBoost does: %s', (folder) => {
  const { features_info: info } = JSON.parse(readFileSync(spec(`models/${folder}/model.json`), 'utf8')) as {
    features_info: { cat_features_hash: { hash: number; value: string }[] };
  };
  const hashes = new CategoryHashes();
  expect(info.cat_features_hash.length).toBeGreaterThan(10);
  for (const { hash, value } of info.cat_features_hash) {
    expect(hashes.of(value) >>> 0, value).toBe(hash);
    expect(hashes.of(value) >>> 0, 'again').toBe(hash);
  }
});

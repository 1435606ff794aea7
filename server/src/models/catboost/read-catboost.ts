import type { CatboostModel } from './catboost-model.ts';
import { checkModel } from './check-model.ts';
import { readCbm } from './read-cbm.ts';
import { readJson } from './read-json.ts';
import type { Refusals } from './refusals.ts';

/**
 * Reads and checks a CatBoost model in either format (checked against CatBoost 1.2.10). Pure; memory is bounded by the
 * file's size. Throws FILE_BROKEN, or FILE_UNSUPPORTED where the file may be right but Slipway cannot serve it.
 */
export function readCatboost(bytes: Uint8Array, refusals: Refusals): CatboostModel {
  const isBinary = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(4, bytes.length)).equals(
    Buffer.from('CBM1'),
  );
  const model = isBinary ? readCbm(bytes, refusals) : readJson(bytes, refusals);
  checkModel(model, refusals);
  return model;
}

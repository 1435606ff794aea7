import { SlipwayError } from '../../errors.ts';
import { isObject, parseJson } from '../../json.ts';
import { readSaid } from '../../lane/caller.ts';
import type { Format } from './format.ts';
import { refuseOthers } from './own-fields.ts';

const fields: ReadonlySet<string> = new Set([
  'features',
  'rows',
  'subject',
  'key',
  'at',
  'priority',
  'timeout',
]);

/** Slipway's own: named features in, a prediction with its id out. */
export const namedRows: Format<{ isOne: boolean }> = {
  read({ encoder, exact }, bytes, _jsonBytes, made) {
    const body = parseJson(bytes, exact);
    if (!isObject(body)) throw new SlipwayError('INVALID_REQUEST', 'The body is not a JSON object.');
    refuseOthers(body, fields, 'A request');
    const { features, rows } = body;
    if ((features === undefined) === (rows === undefined)) {
      throw new SlipwayError(
        'INVALID_REQUEST',
        'Send either "features" (one row) or "rows" (a list of rows).',
      );
    }
    const isOne = features !== undefined;
    const given = isOne ? [features] : rows;
    if (!Array.isArray(given)) throw new SlipwayError('INVALID_REQUEST', '"rows" is not a list.');
    if (given.length === 0) throw new SlipwayError('ROWS_EMPTY', '"rows" is empty.');
    const frame = made(given.length);
    let imputed = 0;
    for (let row = 0; row < given.length; row++) {
      if (!isObject(given[row])) {
        const where = isOne ? '"features"' : `Row ${row}`;
        throw new SlipwayError('INVALID_REQUEST', `${where} is not an object of feature names and values.`);
      }
      imputed += encoder.encode(given[row] as object, frame, row);
    }
    return { frame, imputed, said: readSaid(body), rest: { isOne } };
  },

  write({ writer }, { isOne }, { id, rows, answers, texts }) {
    const body = isOne ? writer.one(id, answers, texts) : writer.many(id, answers, texts, rows);
    return { body, jsonBytes: null };
  },
};

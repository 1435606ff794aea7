import { SlipwayError } from '../../errors.ts';
import { isObject, parseJson } from '../../json.ts';
import { readCaller } from '../../lane/caller.ts';
import type { DataPlane } from '../../lane/data-plane.ts';
import type { Exchange } from './exchange.ts';

/** POST /predict/{model}: named features in, a prediction with its id out. */
export function predict(plane: DataPlane, exchange: Exchange, model: string, bytes: Buffer): void {
  const arm = plane.route(model);
  if (!arm) {
    const again = (): void => predict(plane, exchange, model, bytes);
    plane.whenAttached(model, null, exchange.span, again, (thrown) => exchange.fail(thrown));
    return;
  }
  try {
    const body = parseJson(bytes, arm.exact);
    if (!isObject(body)) throw new SlipwayError('INVALID_REQUEST', 'The body is not a JSON object.');
    const { features, rows } = body;
    if ((features === undefined) === (rows === undefined)) {
      throw new SlipwayError(
        'INVALID_REQUEST',
        'Send either "features" (one row) or "rows" (a list of rows).',
      );
    }
    const given = features === undefined ? rows : [features];
    if (!Array.isArray(given)) throw new SlipwayError('INVALID_REQUEST', '"rows" is not a list.');
    if (given.length === 0) throw new SlipwayError('ROWS_EMPTY', '"rows" is empty.');
    const frame = plane.frame(arm, given.length);
    for (let row = 0; row < given.length; row++) {
      if (!isObject(given[row])) {
        const where = features === undefined ? `Row ${row}` : '"features"';
        throw new SlipwayError('INVALID_REQUEST', `${where} is not an object of feature names and values.`);
      }
      arm.encoder.encode(given[row] as object, frame, row);
    }
    const caller = readCaller(body, exchange.waiting());
    plane.predict(
      arm,
      frame,
      caller,
      ({ id, answers, texts, rows: count, cacheStatus }) => {
        exchange.cacheStatus(cacheStatus);
        return features === undefined
          ? arm.writer.many(id, answers, texts, count)
          : arm.writer.one(id, answers, texts);
      },
      (text, error) => (text === null ? exchange.fail(error) : exchange.send(200, text)),
    );
  } catch (error) {
    arm.encoder.imputed = 0;
    if (error instanceof SlipwayError) plane.error(arm, error.code);
    throw error;
  }
}

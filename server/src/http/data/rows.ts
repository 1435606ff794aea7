import type { BodyBounds } from '../../lane/body-bounds.ts';
import type { DataPlane } from '../../lane/data-plane.ts';
import { answerRows, type RowsAsked } from './answer-rows.ts';
import type { Exchange } from './exchange.ts';

export interface RowsParts {
  plane: DataPlane;
  bodies: BodyBounds;
}

/** Reads and answers a request for predictions, unless the lane has enough to do: when its head comes, or its end. */
export function takeRows(parts: RowsParts, exchange: Exchange, asked: RowsAsked): void {
  const { plane, bodies } = parts;
  const { admission } = plane;
  const refuse = (): void => {
    admission.refuses();
    exchange.refuse();
  };
  if (admission.isFull(exchange.since)) refuse();
  else
    exchange.body(bodies, (body) => {
      if (admission.begins(performance.now())) answerRows(parts, exchange, asked, body);
      else refuse();
    });
}

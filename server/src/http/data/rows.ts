import type { BodyBounds } from '../../lane/body-bounds.ts';
import type { DataPlane } from '../../lane/data-plane.ts';
import type { Doorman } from './doorman.ts';
import type { Exchange } from './exchange.ts';

export interface RowsParts {
  plane: DataPlane;
  bodies: BodyBounds;
  doorman: Doorman;
}

/** Reads the body of a request for predictions, unless the lane has enough to do: when its head comes, or its end. */
export function readRows(
  { plane: { admission }, bodies, doorman }: RowsParts,
  exchange: Exchange,
  use: (bytes: Buffer) => void,
): void {
  const refuse = (): void => {
    admission.refuses();
    exchange.refuse();
    doorman.watch(exchange.request.socket);
  };
  if (admission.isFull(exchange.since)) refuse();
  else
    exchange.bytes(bodies, (bytes) => {
      if (admission.begins(performance.now())) use(bytes);
      else refuse();
    });
}

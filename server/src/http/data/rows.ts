import type { DataPlane } from '../../lane/data-plane.ts';
import type { BodyBounds } from './body.ts';
import type { Exchange } from './exchange.ts';

/** Reads the body of a request for predictions, unless the lane has enough to do: when its head comes, or its end. */
export function readRows(
  { plane: { admission }, bodies }: { plane: DataPlane; bodies: BodyBounds },
  exchange: Exchange,
  use: (bytes: Buffer) => void,
): void {
  const refuse = (): void => {
    admission.refuses();
    exchange.refuse();
  };
  if (admission.isFull(exchange.since)) refuse();
  else
    exchange.bytes(bodies, (bytes) => {
      if (admission.begins(performance.now())) use(bytes);
      else refuse();
    });
}

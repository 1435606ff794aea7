import type { Exchange } from './exchange.ts';
import { decode, type ProtocolParts } from './open-inference.ts';
import { takeRows } from './rows.ts';

/**
 * KServe's v1 protocol. Returns whether there is something at the path.
 * https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol
 */
export function kserve(parts: ProtocolParts, exchange: Exchange): boolean {
  const { catalog, receive } = parts;
  const { path } = exchange;
  if (path === '/v1/models') {
    exchange.takes('GET');
    exchange.answer(200, { models: catalog.names() });
    return true;
  }
  const found = /^\/v1\/models\/([^/:]+)(:predict)?$/.exec(path);
  if (!found) return false;
  const model = decode(found[1]!);
  if (found[2]) {
    receive();
    takeRows(parts, exchange, { model, version: null, format: 'instances', jsonBytes: null });
  } else {
    exchange.takes('GET');
    catalog.checkReady(model, null);
    exchange.answer(200, { name: model, ready: true });
  }
  return true;
}

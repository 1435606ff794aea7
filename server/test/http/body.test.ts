import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { readBody, whole } from '../../src/http/data/body.ts';
import { BodyBounds } from '../../src/lane/body-bounds.ts';

const limit = 1_000_000;
const callers = 24;

class Watched extends BodyBounds {
  held = 0;
  most = 0;

  override hold(bytes: number): void {
    super.hold(bytes);
    this.held += bytes;
    this.most = Math.max(this.most, this.held);
  }
}

test('bodies that are unpacked at once are bounded together: some are read whole, the others refused', async () => {
  const bounds = new Watched(limit);
  const outcomes: string[] = [];
  const waiting: (() => void)[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    waiting.push(() =>
      readBody(request, bounds, bounds.largest, (bytes, error) => {
        outcomes.push(error ? error.code : String(whole(bytes).length));
        response.end();
      }),
    );
    // All of them are there before the first is read.
    if (waiting.length === callers) for (const read of waiting) read();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const body = gzipSync(Buffer.alloc(0.9 * limit, 'slipway '));
  const post = (): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}`, { method: 'POST', headers: { 'content-encoding': 'gzip' }, body });
  await Promise.all(Array.from({ length: callers }, post));
  server.close();
  expect(new Set(outcomes)).toEqual(new Set([String(0.9 * limit), 'OVERLOADED']));
  // A part of the one body that is too much is there when that is seen.
  expect(bounds.most).toBeLessThan(4 * limit + 70_000);
  expect(bounds.held).toBe(0);
});

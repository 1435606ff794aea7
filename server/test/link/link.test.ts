import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keepConnected, type Link, listen } from '../../src/link/link.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-link-'));
  path = join(folder, 'run', 'test.sock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Message {
  n: number;
  bytes: Uint8Array;
}

test('messages of any size arrive whole and in order, both ways', async () => {
  const server = await listen<Message, Message>(path, (link) => {
    link.onMessage = (message) => link.send(message);
  });
  const sizes = [0, 1, 100, 65_536, 3_000_000, 5];
  const back: Message[] = [];
  const end = await new Promise<() => void>((resolve) => {
    const stop = keepConnected<Message, Message>(path, (link) => {
      link.onMessage = (message) => {
        back.push(message);
        if (back.length === sizes.length) resolve(stop);
      };
      for (const [n, size] of sizes.entries()) link.send({ n, bytes: new Uint8Array(size).fill(n) });
    });
  });
  expect(back.map(({ n, bytes }) => [n, bytes.length, bytes.at(-1)])).toEqual(
    sizes.map((size, n) => [n, size, size === 0 ? undefined : n]),
  );
  end();
  server.close();
});

test('a link that is lost is made again, and says so', async () => {
  const open = (onLink: (link: Link<Message, Message>) => void): Promise<Server> => listen(path, onLink);
  let connected = 0;
  let lost = 0;
  let arrived: (() => void) | null = null;
  const next = () =>
    new Promise<void>((resolve) => {
      arrived = resolve;
    });
  const first = next();
  const end = keepConnected<Message, Message>(
    path,
    () => {
      connected++;
      arrived?.();
    },
    () => lost++,
  );
  let serverSide: Link<Message, Message> | null = null;
  const server = await open((link) => {
    serverSide = link;
  });
  await first;
  const second = next();
  serverSide!.close();
  await second;
  expect(connected).toBe(2);
  expect(lost).toBeGreaterThanOrEqual(1);
  end();
  server.close();
});

test('a length that no message has ends the link instead of filling memory', async () => {
  const closed = new Promise<void>((resolve) => {
    void listen<Message, Message>(path, (link) => {
      link.onClose = resolve;
    }).then((server) => {
      const socket = createConnection(path, () => socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff])));
      socket.on('error', () => {});
      socket.on('close', () => server.close());
    });
  });
  await closed;
});

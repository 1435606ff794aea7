import { fork } from 'node:child_process';
import { once } from 'node:events';
import { BoundSocket, connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

test('a turn of the event loop accepts a connection a descriptor, and none once it is closed', async () => {
  const socket = new BoundSocket({ host: '127.0.0.1', port: 0 });
  const { port } = socket.address() as { port: number };
  const handles = 4;
  const child = fork(
    new URL('listening-child.ts', import.meta.url),
    Array.from({ length: handles }, (_, k) => String(4 + k)),
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...Array(handles).fill(socket.fd())] },
  );
  ends.push(
    () => child.kill('SIGKILL'),
    () => socket.close(),
  );
  expect((await once(child, 'message'))[0]).toBe('listening');
  // All of them wait in the system's queue when it goes on.
  child.kill('SIGSTOP');
  const connections = 3 * handles;
  for (let k = 0; k < connections; k++) {
    const caller = connect({ port, host: '127.0.0.1' });
    ends.push(() => caller.destroy());
    await once(caller, 'connect');
  }
  const turns: number[] = [];
  child.on('message', (said) => {
    if (typeof said === 'number') turns.push(said);
  });
  child.kill('SIGCONT');
  const sum = (): number => turns.reduce((a, b) => a + b, 0);
  while (sum() < connections) await once(child, 'message');
  expect(Math.max(...turns)).toBe(handles);
  child.send('close');
  expect((await once(child, 'message'))[0]).toBe('closed');
  const late = connect({ port, host: '127.0.0.1' });
  ends.push(() => late.destroy());
  await once(late, 'connect');
  // It would have said so by the time it has heard this and answered.
  child.send('close');
  await once(child, 'message');
  expect(sum()).toBe(connections);
});

import { createServer } from 'node:net';
import { listenOn } from '../src/listening.ts';

/** Says how many connections each turn of its event loop has accepted; closes when it is told so. */
const server = createServer();
let accepted = 0;
server.on('connection', () => {
  if (accepted++ > 0) return;
  setImmediate(() => {
    process.send!(accepted);
    accepted = 0;
  });
});
const close = await listenOn(server, process.argv.slice(2).map(Number), {});
process.on('message', () => {
  close();
  process.send!('closed');
});
process.send!('listening');

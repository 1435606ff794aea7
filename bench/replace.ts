import { connect, type Socket } from 'node:net';
import { electricity, inRepository, Slipway } from '../server/test/processes/harness.ts';
import { post } from './load.ts';

/**
 * What clients see when lanes are killed and replaced: 30 SIGKILLs under 48 keep-alive clients, two lanes.
 * Prints resets (a request that was in flight), refusals (a connection that was not taken) and clients that
 * hung (no answer within 10 s).
 */
const kills = Number(process.argv[2] ?? 30);
const clients = 48;
const patienceMs = 10_000;

const slipway = await Slipway.start({ lanes: 2 });
const seen = { answers: 0, resets: 0, refused: 0, hung: 0 };
let going = true;
try {
  const deployed = await slipway.deploy('electricity', inRepository('examples/electricity/model.txt'));
  if (deployed.status !== 201) throw new Error(JSON.stringify(deployed.body));
  const port = Number(new URL(slipway.dataPlane).port);
  const bytes = post(
    '/predict/electricity',
    JSON.stringify({ features: electricity(9062, 9063)[0]!.features }),
  );
  const load = Array.from({ length: clients }, () => client(port, bytes));
  for (let kill = 0; kill < kills; kill++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    await slipway.kill(`lane-${1 + (kill % 2)}`);
  }
  going = false;
  await Promise.all(load);
} finally {
  going = false;
  await slipway.end();
}
console.log(
  `${kills} lanes killed under ${clients} clients: ${seen.answers} answers, ${seen.resets} requests cut in flight, ${seen.refused} connections refused, ${seen.hung} clients hung`,
);

async function client(port: number, bytes: Buffer): Promise<void> {
  let socket: Socket | null = null;
  while (going) {
    socket ??= await open(port);
    if (!socket) {
      seen.refused++;
      continue;
    }
    const outcome = await ask(socket, bytes);
    seen[outcome]++;
    if (outcome !== 'answers') {
      socket.destroy();
      socket = null;
    }
  }
  socket?.destroy();
}

function ask(socket: Socket, bytes: Buffer): Promise<'answers' | 'resets' | 'hung'> {
  return new Promise((resolve) => {
    const settle = (outcome: 'answers' | 'resets' | 'hung'): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on('error', () => {});
      resolve(outcome);
    };
    const timer = setTimeout(() => settle('hung'), patienceMs);
    // Answers here are smaller than a segment: one chunk is one answer.
    socket.once('data', () => settle('answers'));
    socket.once('error', () => settle('resets'));
    socket.once('close', () => settle('resets'));
    socket.write(bytes);
  });
}

function open(port: number): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(null));
  });
}

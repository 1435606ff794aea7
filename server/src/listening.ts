import { createServer, type Server, type ServerOpts } from 'node:net';

/**
 * Accepts connections of one listening socket by all descriptors of it that this process was handed: libuv accepts one
 * a handle and turn of the event loop. They are the server's own, however they came. Resolves to what ends it.
 */
export async function listenOn(
  server: Server,
  [first, ...more]: number[],
  options: Pick<ServerOpts, 'allowHalfOpen'>,
): Promise<() => void> {
  const others = more.map(() =>
    createServer({ ...options, noDelay: true }, (socket) => server.emit('connection', socket)),
  );
  const listen = (one: Server, fd: number): Promise<void> => new Promise((done) => one.listen({ fd }, done));
  await Promise.all([listen(server, first!), ...others.map((one, k) => listen(one, more[k]!))]);
  return () => {
    for (const one of [server, ...others]) one.close();
  };
}

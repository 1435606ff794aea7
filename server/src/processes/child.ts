import { flushCompileCache } from 'node:module';
import type { ChildToSupervisor, SupervisorToChild } from '../messages.ts';

/** A heartbeat every so often, ms: a quarter of the shortest lateness that anyone should be killed for. */
const beatMs = 500;

/**
 * What every process under the supervisor does alike: beats, says when it is ready, stops when told, and
 * ends when the supervisor is gone. While it is busy it does not beat by itself: what keeps it busy for too long is a
 * hang, whether or not its event loop goes on meanwhile. `send` resolves when the message has left.
 */
export function superviseMe(
  onMessage: (message: SupervisorToChild) => void,
  stop: () => Promise<void>,
  isBusy: () => boolean = () => false,
): { ready(): void; used(): void; send(message: ChildToSupervisor): Promise<void> } {
  const send = (message: ChildToSupervisor): Promise<void> =>
    new Promise((resolve) => {
      // A supervisor that is gone is told of by "disconnect".
      if (process.connected && process.send) process.send(message, () => resolve());
      else resolve();
    });
  let stopping = false;
  const end = (code: number): void => {
    if (stopping) return;
    stopping = true;
    stop().then(
      () => process.exit(code),
      () => process.exit(1),
    );
  };
  process.on('message', (message: SupervisorToChild) => {
    if (message.type === 'stop') end(0);
    else onMessage(message);
  });
  // Without a supervisor nobody holds the folder's lock for us: end at once, what is answered is journaled.
  process.on('disconnect', () => process.exit(0));
  // Ctrl-C reaches the whole process group; only the supervisor decides the order of the end.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => {});
  const beat = (): void => void send({ type: 'beat' });
  setInterval(() => {
    if (!isBusy()) beat();
  }, beatMs);
  beat();
  let lastUsed = Number.NEGATIVE_INFINITY;
  // A heartbeat, too.
  const used = (): void => {
    const now = performance.now();
    if (now - lastUsed < beatMs / 2) return;
    lastUsed = now;
    void send({ type: 'used' });
  };
  const ready = (): void => {
    // A process that is killed later keeps nothing.
    flushCompileCache();
    void send({ type: 'ready' });
  };
  return { ready, used, send };
}

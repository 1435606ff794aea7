import { Socket } from 'node:net';

/** As much as a system's buffer mostly holds of one connection, bytes. */
const length = 256 * 1024;
/** All connections are read into it, one after the other. */
const shared = Buffer.allocUnsafeSlow(length);

/** Where node:net keeps what `onread` of net.Socket's options says: its servers have no such option. */
const [bufferKey, callbackKey] = ['kBuffer', 'kBufferCb'].map((name) =>
  Object.getOwnPropertySymbols(new Socket()).find(({ description }) => description === name),
);

interface ReadSocket {
  _handle: { useUserBuffer?(buffer: Uint8Array): void } | null;
  [key: symbol]: unknown;
}

/**
 * Reads a connection that a server has accepted as `onread` of net.Socket's options has it: into one buffer for all, so
 * that what is let fall has taken no memory, where 'data' events bring a buffer each. `read` has its bytes until it
 * returns. false: this Node keeps it elsewhere, and they come as 'data' as ever.
 */
export function readShared(socket: Socket, read: (chunk: Buffer) => void): boolean {
  const inner = socket as unknown as ReadSocket;
  if (!bufferKey || !callbackKey || !inner._handle?.useUserBuffer) return false;
  inner[bufferKey] = shared;
  inner[callbackKey] = (count: number): void => read(shared.subarray(0, count));
  inner._handle.useUserBuffer(shared);
  return true;
}

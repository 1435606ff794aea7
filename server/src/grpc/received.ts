import { SlipwayError, toSlipwayError } from '../errors.ts';

/** A message, or why its bytes are none. */
export type Received<T> = T | SlipwayError;

/** Bytes that are no such message are their sender's fault; what a deserializer throws, grpc-js calls its own. */
export function received<T extends object>(decode: (bytes: Uint8Array) => T): (bytes: Buffer) => Received<T> {
  return (bytes) => {
    try {
      return decoded(decode, bytes);
    } catch (error) {
      return toSlipwayError(error);
    }
  };
}

/** Throws INVALID_REQUEST. */
export function decoded<T extends object>(decode: (bytes: Uint8Array) => T, bytes: Buffer): T {
  try {
    return decode(bytes);
  } catch (error) {
    throw new SlipwayError('INVALID_REQUEST', `The message cannot be read: ${(error as Error).message}.`);
  }
}

/** Throws INVALID_REQUEST. */
export function readable<T extends object>(request: Received<T>): T {
  if (request instanceof SlipwayError) throw request;
  return request;
}

/** Lengths of a message's header (uint32) and of its body (uint64), little-endian. */
const prefixBytes = 12;
const mostHeaderBytes = 16 * 2 ** 20;
const mostBodyBytes = 2 ** 30;

export interface Message {
  header: unknown;
  body: Uint8Array;
}

/** As runner.py reads them. */
export function encodeMessage(header: unknown, body: Uint8Array = new Uint8Array()): Buffer[] {
  const text = Buffer.from(JSON.stringify(header));
  const prefix = Buffer.alloc(prefixBytes);
  prefix.writeUInt32LE(text.length, 0);
  prefix.writeBigUInt64LE(BigInt(body.length), 4);
  return [prefix, text, Buffer.from(body.buffer, body.byteOffset, body.byteLength)];
}

/** Puts messages together from what a socket brings. */
export class MessageReader {
  #chunks: Buffer[] = [];
  #size = 0;
  #wanted = prefixBytes;

  /** Throws what is wrong with a message: a version's code may have written to the socket. */
  add(chunk: Buffer): Message[] {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    const messages: Message[] = [];
    while (this.#size >= this.#wanted) {
      const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
      this.#chunks = [all];
      const headerBytes = all.readUInt32LE(0);
      const bodyBytes = Number(all.readBigUInt64LE(4));
      if (headerBytes > mostHeaderBytes || bodyBytes > mostBodyBytes)
        throw new Error('it wrote something else than an answer to its socket');
      const size = prefixBytes + headerBytes + bodyBytes;
      this.#wanted = size;
      if (all.length < size) break;
      const bodyAt = prefixBytes + headerBytes;
      messages.push({
        header: JSON.parse(all.toString('utf8', prefixBytes, bodyAt)),
        // A copy, whose numbers lie where a typed array may begin.
        body: Uint8Array.from(all.subarray(bodyAt, size)),
      });
      this.#chunks = [all.subarray(size)];
      this.#size = all.length - size;
      this.#wanted = prefixBytes;
    }
    return messages;
  }
}

import { SlipwayError } from '../../errors.ts';
import type { Exchange } from './exchange.ts';

/** Names that nobody outside can have: addresses, a single label, and the domains that are kept for private use. */
const privateName =
  /^(\[[\da-f:.]+\]|\d+\.\d+\.\d+\.\d+|[\w-]+|[\w.-]+\.(localhost|local|internal|home\.arpa))\.?$/i;

/**
 * A page whose site has given its own name this address (DNS rebinding) may read answers as its own; browsers name the
 * site in Host. Throws FORBIDDEN_ORIGIN.
 */
export function refuseForeignNames({ host }: Exchange): void {
  if (host === undefined) return;
  if (privateName.test(host.replace(/:\d+$/, ''))) return;
  throw new SlipwayError(
    'FORBIDDEN_ORIGIN',
    `This address is not known as "${host.slice(0, 100)}".`,
    'Ask it by its address; let a proxy before it send that as Host, or start Slipway with --key-file.',
  );
}

/** A page on another site may send simple POSTs. Browsers say so by Origin; other clients send none. Throws FORBIDDEN_ORIGIN, UNSUPPORTED_CONTENT_TYPE. */
export function refuseForeignPages({ request: { headers } }: Exchange): void {
  const { origin } = headers;
  if (origin === undefined) return;
  let host = '';
  try {
    host = new URL(origin).hostname;
  } catch {
    // "null", or nonsense: foreign either way.
  }
  if (!/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(host))
    throw new SlipwayError(
      'FORBIDDEN_ORIGIN',
      'Pages of other sites may not call this address.',
      'Call it from a server, or start Slipway with --key-file.',
    );
  if (!/^application\/json\b/i.test(headers['content-type'] ?? ''))
    throw new SlipwayError('UNSUPPORTED_CONTENT_TYPE', 'A browser’s request must be application/json.');
}

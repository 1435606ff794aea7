import { SlipwayError } from '../../errors.ts';

/**
 * What a request to an upstream came to, if not to an answer. `lost`: the connection broke, or the upstream said that it
 * is not available, so the same request may be sent once more. `unreachable`: no connection in time. `late`: no answer
 * in time. `refused`: the rows are wrong, and the upstream is up. `failed`: all else.
 */
export type FailureKind = 'lost' | 'unreachable' | 'late' | 'refused' | 'failed';

const codes = {
  lost: 'UPSTREAM_FAILED',
  unreachable: 'UPSTREAM_TIMEOUT',
  late: 'UPSTREAM_TIMEOUT',
  refused: 'UPSTREAM_REFUSED',
  failed: 'UPSTREAM_FAILED',
} as const;

export class Failure extends Error {
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string) {
    super(message);
    this.kind = kind;
  }

  get error(): SlipwayError {
    return new SlipwayError(codes[this.kind], this.message);
  }
}

export function notConnected(connectMs: number): Failure {
  return new Failure('unreachable', `Its upstream did not take a connection within ${connectMs} ms.`);
}

export function answerTooLong(mostBytes: number): Failure {
  return new Failure('failed', `Its upstream gave an answer of more than ${mostBytes} bytes.`);
}

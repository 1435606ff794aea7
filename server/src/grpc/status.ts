import { Metadata, type StatusObject, status } from '@grpc/grpc-js';
import { errorTable, toSlipwayError } from '../errors.ts';

/** What an error's HTTP status is called in gRPC. */
const codes: { [httpStatus: number]: status } = {
  400: status.INVALID_ARGUMENT,
  401: status.UNAUTHENTICATED,
  403: status.PERMISSION_DENIED,
  404: status.NOT_FOUND,
  409: status.FAILED_PRECONDITION,
  410: status.NOT_FOUND,
  413: status.RESOURCE_EXHAUSTED,
  415: status.INVALID_ARGUMENT,
  422: status.INVALID_ARGUMENT,
  429: status.RESOURCE_EXHAUSTED,
  499: status.CANCELLED,
  502: status.UNAVAILABLE,
  503: status.UNAVAILABLE,
  504: status.DEADLINE_EXCEEDED,
};

/** Any thrown thing as a gRPC status: code, what is wrong, and what to do. */
export function statusOf(thrown: unknown): StatusObject {
  const { code, message, hint } = toSlipwayError(thrown);
  const { status: http } = errorTable[code];
  const metadata = new Metadata();
  // What HTTP calls Retry-After: https://github.com/grpc/proposal/blob/master/A6-client-retries.md#pushback
  if (http === 429 || http === 503) metadata.set('grpc-retry-pushback-ms', '1000');
  return {
    code: codes[http] ?? status.INTERNAL,
    details: `${code}: ${message} ${hint}`,
    metadata,
  };
}

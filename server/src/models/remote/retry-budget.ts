/** What a retry costs; a first try earns 1. So a tenth of the first tries may be tried again. */
const costOfRetry = 10;
/** What may be saved up: ten retries in a row. */
const most = 10 * costOfRetry;

/**
 * How many requests may be sent a second time, so that an upstream in trouble gets at most a tenth more of them
 * (as gRPC's retry throttling, https://github.com/grpc/proposal/blob/master/A6-client-retries.md, and Finagle's
 * RetryBudget). It begins with enough for one.
 */
export class RetryBudget {
  #saved = costOfRetry;

  /** A request is sent for the first time. */
  earn(): void {
    this.#saved = Math.min(most, this.#saved + 1);
  }

  /** Whether one may be sent again; that is then paid for. */
  spend(): boolean {
    if (this.#saved < costOfRetry) return false;
    this.#saved -= costOfRetry;
    return true;
  }
}

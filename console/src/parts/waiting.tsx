import type { ReactNode } from 'react';
import { Refusal } from '../data/api.ts';

/** An empty place says what will fill it. */
export function Waiting({ children }: { children: ReactNode }) {
  return <p className="quiet waiting">{children}</p>;
}

/** What went wrong, in the server's words, and what to do. */
export function Trouble({ error }: { error: Error }) {
  return (
    <div role="alert" className="trouble">
      <p>
        {error instanceof Refusal
          ? error.message
          : 'Slipway cannot be reached; this is tried again by itself.'}
      </p>
      {error instanceof Refusal && error.hint ? <p className="quiet">{error.hint}</p> : null}
    </div>
  );
}

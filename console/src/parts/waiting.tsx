import { Link } from '@tanstack/react-router';
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
      <p>{message(error)}</p>
      {error instanceof Refusal && error.hint ? <p className="quiet">{withCode(error.hint)}</p> : null}
    </div>
  );
}

/** Instead of a page that cannot be shown. */
export function TroublePage({ error }: { error: Error }) {
  return (
    <div role="alert" className="model-head">
      <h1>{message(error)}</h1>
      {error instanceof Refusal && error.hint ? <p className="quiet">{withCode(error.hint)}</p> : null}
      <p>
        <Link to="/">To the overview</Link>
      </p>
    </div>
  );
}

function message(error: Error): string {
  return error instanceof Refusal
    ? error.message
    : 'Slipway cannot be reached; this is tried again by itself.';
}

/** Commands stand between backticks in the server's hints. */
function withCode(text: string): ReactNode[] {
  // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a sentence do not change their order
  return text.split('`').map((part, i) => (i % 2 === 0 ? part : <code key={i}>{part}</code>));
}

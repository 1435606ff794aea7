import type { Prepared } from '../models/model.ts';

/** What to do where a version does not answer its golden rows: there may be a reason that the file shows. */
export function goldenHint({ rounds, servedRounds, operators }: Prepared['facts'], file: string): string {
  const registered = 'Nothing was registered.';
  if (typeof rounds === 'number' && typeof servedRounds === 'number' && servedRounds < rounds) {
    return `The training was stopped early: of ${rounds} rounds the best ${servedRounds} are served. If ${file} has the answers of all, deploy with --rounds all. ${registered}`;
  }
  if (typeof operators === 'string' && /Quantize|Integer|QLinear/.test(operators)) {
    return `A quantised graph is answered a little differently by processors with and without VNNI: make ${file} on a machine like this one, or deploy without it. ${registered}`;
  }
  return `Check that ${file} was made with this very file. ${registered}`;
}

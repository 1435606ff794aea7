/** What the words mean, one line each: shown where a word is used. Statistics say how they are computed and what they cannot know. */
export const glossary = {
  model: 'A name that answers questions. Behind it stand versions; one of them is live.',
  version: 'One deployed file with the features it expects. Versions are numbered and never change.',
  live: 'The version whose answers callers get.',
  baseline: 'The training rows given at deploy, as a profile: what the inputs looked like then.',
  update: 'How many labels a learner had learned from when it answered. 0 for a version that does not learn.',
  checkpoint: 'A saved state of a learner that passed its gates and can be returned to.',
  shadow: 'A version that answers the same rows as the live one, unseen by callers, to be compared with it.',
  rollout: 'A comparison of a candidate with the live version on the same rows, that ends in a verdict.',
  verdict: 'What the comparison says now: continue, promote, hold, roll back or inconclusive.',
  finding: 'Something a monitor noticed about a version. Look: worth a look. Act: worth acting on.',
  psi: 'Population stability index: how far the shares of rows per bin moved from the baseline. The colour deepens at 0.1, 0.25, 1 and 4. A finding also asks whether stretches of the training data lay as far from the whole. It cannot know whether answers got worse.',
  pValue:
    'How often chance alone would take a window of rows like those of training at least so far. It says nothing about harm.',
  promise: 'How right the version was on its own training rows at deploy. Usually a little flattering.',
  gate: 'A check that a version or checkpoint must pass before it may serve.',
  score:
    'Share of labelled answers that were right, with a 95 % Wilson interval. Lately: over the newest tenth of the labelled event time. It knows nothing of rows whose label has not come.',
  mae: 'Mean absolute error of the labelled answers. Lately: over the newest tenth of the labelled event time. It knows nothing of rows whose label has not come.',
  band: '95 % interval: where the true value plausibly lies given how many labels there are.',
  confidence:
    'A confidence sequence: an interval for the mean difference in loss that stays valid however often one looks. Above zero favours the candidate.',
  pairs:
    'Rows that both versions were asked and whose label has come. A version that fails on one has answered as wrong as can be.',
  p99: 'Ninety-nine of a hundred recent requests were answered faster than this.',
  label: 'The truth about a predicted row, reported later.',
  subject: 'Whom or what a prediction is about, if the caller said so.',
  key: "The caller's own name for the row, to send a label for it later.",
  trace: 'The id under which the caller’s tracing system knows the request.',
  snapshot: 'The number of the serving state under which the answer was given.',
  turn: 'A turn of a lane’s event loop: whatever it does in one, everybody else waits for. Over the last minute.',
  turnLimit:
    'Predictions that are in hand at most, read in this turn or waiting for a library, while the lane has more to do than it can; found by itself. The rest is refused at once; a longer `slipway serve --max-wait` lets it wait instead.',
  scorer: 'A process that a version has for itself, because its rows take long or as long as they like.',
  asleep:
    'It went so that others have room in the memory for such processes (`slipway serve --scorer-memory`), and starts again when it is asked.',
  propensity: 'The probability with which this arm was chosen for this row.',
  arm: 'Which side of a rollout answered the caller.',
  eventTime: 'When it happened in the world the rows describe, not when it arrived here.',
  digest: 'SHA-256 of the file: names its exact bytes.',
  drift: 'Inputs of the live version whose distribution has moved from the baseline.',
  logLoss: 'How surprised the probabilities were by the truth; lower is better.',
  serving: 'How it is served. `slipway tune` changes that without another version.',
  quarantined: 'Taken out of service after it failed; it cannot be promoted.',
} as const;

export type TermName = keyof typeof glossary;

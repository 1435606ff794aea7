import Type, { type Static } from 'typebox';

/** Single predictions, as the control API says them (api.ts). */

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Label = Type.Union([Type.String(), Type.Number()]);

export const PredictionAnswer = Type.Object({
  version: Type.Integer(),
  update: Type.Integer(),
  role: Type.Union([Type.Literal('live'), Type.Literal('shadow')]),
  prediction: Nullable(
    Type.Union([Label, Type.Record(Type.String(), Type.Unknown())], {
      description: 'A class, a value, or, where neither is known to be the answer, every output by its name',
    }),
  ),
  failure: Nullable(Type.String({ description: 'Code of the error that a shadow failed with' })),
  probabilities: Nullable(Type.Record(Type.String(), Type.Number())),
  latencyMicroseconds: Type.Number(),
  /** Whether it was right (classification) and its loss, once labelled. */
  correct: Nullable(Type.Boolean()),
  loss: Nullable(Type.Number()),
});
export const PredictionView = Type.Object({
  id: Type.String(),
  model: Type.String(),
  at: Type.Number(),
  received: Type.Number(),
  subject: Nullable(Type.String()),
  key: Nullable(Type.String()),
  trace: Nullable(Type.String({ description: 'Id of the trace that it is part of' })),
  snapshot: Type.Integer(),
  rollout: Nullable(Type.String()),
  propensity: Type.Number(),
  arm: Type.String({ description: '"live", or the arm’s name in a rollout' }),
  features: Type.Record(
    Type.String(),
    Type.Union([Type.Number(), Type.String(), Type.Boolean(), Type.Null()]),
  ),
  /** Values of the whole request that the version’s policy has put in place of missing or unknown ones. */
  imputed: Type.Integer(),
  /** The live answer first, then shadows. */
  answers: Type.Array(PredictionAnswer),
  label: Nullable(Type.Object({ value: Label, at: Type.Number(), corrections: Type.Integer() })),
});
export type PredictionView = Static<typeof PredictionView>;

/** A journaled request answered again from its record. Answers are the version's raw answer rows. */
const AnswerValue = Type.Union([Type.Number(), Type.String()]);
export const ReproductionView = Type.Object({
  id: Type.String(),
  answers: Type.Array(
    Type.Object({
      version: Type.Integer(),
      update: Type.Integer(),
      /** Text where no float64 holds it: free text, and whole numbers beyond 2^53. */
      journaled: Type.Array(AnswerValue),
      reproduced: Nullable(Type.Array(AnswerValue)),
      equal: Nullable(Type.Boolean()),
      why: Nullable(Type.String({ description: 'Why it could not be answered again' })),
    }),
  ),
});
export type ReproductionView = Static<typeof ReproductionView>;

import Type, { type Static } from 'typebox';

/** Slipway's own processes, as the control API says them (api.ts). */

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const ProcessView = Type.Object({
  name: Type.String({ description: 'supervisor, control, loops, lane-1, scorer-MODEL-VERSION …' }),
  pid: Type.Integer(),
  state: Type.Union(
    [Type.Literal('starting'), Type.Literal('ready'), Type.Literal('stopped'), Type.Literal('asleep')],
    { description: 'asleep: for want of --scorer-memory; it starts again when it is asked for' },
  ),
  restarts: Type.Integer(),
  megabytes: Type.Number({ description: 'Resident memory' }),
  startedAt: Type.Number({ description: 'The present one, after `restarts` before it' }),
  scores: Nullable(
    Type.Object({
      model: Type.String(),
      version: Type.Integer(),
      evictions: Type.Integer({ description: 'Times that it was put to sleep to make room for others' }),
    }),
  ),
});
export type ProcessView = Static<typeof ProcessView>;

/** What a lane takes on, and how long it keeps those waiting whom it has. Counts since its start. */
export const LaneView = Type.Object({
  lane: Type.Integer(),
  pressed: Type.Boolean({ description: 'It has had more to do than it can for longer than a burst' }),
  turnLimit: Nullable(
    Type.Integer({ description: 'Predictions in hand at most while it is pressed; null: not known' }),
  ),
  waitedMs: Type.Number({ description: 'At most, before the requests of the last turn were looked at' }),
  turnMs: Type.Object(
    { p50: Type.Number(), p99: Type.Number(), max: Type.Number() },
    { description: 'How long turns of its event loop took in the last minute' },
  ),
  answered: Type.Integer(),
  refused: Type.Object({
    unread: Type.Integer({ description: 'The lane had enough to do' }),
    queue: Type.Integer({ description: 'Too many waited for the model already' }),
    late: Type.Integer({ description: 'The time was over, the caller’s or the version’s' }),
    gone: Type.Integer({ description: 'The caller went' }),
  }),
});
export type LaneView = Static<typeof LaneView>;

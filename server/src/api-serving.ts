import Type, { type Static } from 'typebox';

/** How a version is served, as the control API says and takes it (api.ts). */

/** Sizes in rows; see serving.ts. */
const batching = {
  maxSize: Type.Integer({ minimum: 1, maximum: 100_000, description: 'Rows in one call, at most' }),
  preferredSizes: Type.Array(Type.Integer({ minimum: 1 }), {
    maxItems: 32,
    description: 'Ascending: as soon as requests make up one of these, they go. Empty: maxSize',
  }),
  maxDelayMs: Type.Number({
    minimum: 0,
    maximum: 10_000,
    description: 'How long a request may wait for others; 0: only what waits anyway is merged',
  }),
  priorityLevels: Type.Integer({ minimum: 1, maximum: 100, description: '1 goes first' }),
  defaultPriority: Type.Integer({ minimum: 1, maximum: 100 }),
  queueTimeoutMs: Type.Union([
    Type.Number({
      exclusiveMinimum: 0,
      maximum: 3_600_000,
      description: 'Refused after so long in the queue',
    }),
    Type.Null(),
  ]),
};
const cacheBytes = Type.Integer({
  minimum: 0,
  maximum: 2 ** 32,
  description: 'Most bytes of answers that each lane keeps by the content of their rows; 0: none',
});
const timeoutMs = Type.Union([
  Type.Number({ exclusiveMinimum: 0, maximum: 3_600_000, description: 'Longest that a request may take' }),
  Type.Null(),
]);

export const ServingView = Type.Object({
  batching: Type.Union([Type.Object(batching), Type.Null()], {
    description: 'null: each request is a call of its own',
  }),
  automatic: Type.Boolean({ description: 'Whether batching is as the gate found it to pay' }),
  cacheBytes,
  timeoutMs,
});
export type ServingView = Static<typeof ServingView>;

const closed = { additionalProperties: false } as const;

/** How a version is served: what is said changes, all else stays. */
export const ServingRequest = Type.Object(
  {
    batching: Type.Optional(
      Type.Union([
        Type.Literal('auto', { description: 'What the gate found to pay' }),
        Type.Literal('off'),
        Type.Partial(Type.Object(batching), closed),
      ]),
    ),
    cacheBytes: Type.Optional(cacheBytes),
    timeoutMs: Type.Optional(timeoutMs),
  },
  closed,
);
export type ServingRequest = Static<typeof ServingRequest>;

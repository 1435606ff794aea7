import type { Said } from '../../lane/caller.ts';
import type { Codec } from '../../lane/codec.ts';
import type { Frame } from '../../tensor.ts';

/**
 * How a protocol says a request's rows and their answers: pure, so that large ones are read and written in a thread of
 * their own. `Rest`: what of a request is not its rows, and is needed for the answer.
 */
export interface Format<Rest> {
  /**
   * `jsonBytes`: how many of the bytes are JSON; null: all of them. `made` gives a frame of so many rows. Throws
   * INVALID_JSON, INVALID_REQUEST and what is wrong with the rows.
   */
  read(
    codec: Codec,
    body: Buffer,
    jsonBytes: number | null,
    made: (rows: number) => Frame,
  ): RowsRequest<Rest>;
  write(codec: Codec, rest: Rest, answered: AnsweredRows): Written;
}

export interface RowsRequest<Rest> {
  frame: Frame;
  /** Values that the version's policy has put in. */
  imputed: number;
  said: Said;
  rest: Rest;
}

export interface AnsweredRows {
  /** The request's prediction id. */
  id: string;
  rows: number;
  /** Row-major. */
  answers: Float64Array;
  texts: string[];
}

export interface Written {
  body: string | Uint8Array;
  /** How many of its bytes are JSON, where binary data follows; null: all of them. */
  jsonBytes: number | null;
}

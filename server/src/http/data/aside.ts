import { refuseTooMuchHeld } from '../../json.ts';
import type { Codec } from '../../lane/codec.ts';
import type { Made } from '../../lane/side-work.ts';
import { newFrame } from '../../tensor.ts';
import type { AnsweredRows, RowsRequest, Written } from './format.ts';
import { type FormatName, formatNamed } from './formats.ts';

/** A body that is too large to be read in a turn of the event loop, as it came. */
export interface BodyToRead {
  format: FormatName;
  pieces: Uint8Array<SharedArrayBuffer>[];
  jsonBytes: number | null;
}

export interface AnswerToWrite {
  format: FormatName;
  rest: unknown;
  answered: AnsweredRows;
}

/** What the side thread does for the HTTP edges. */
export function readAside(
  codec: Codec,
  { format, pieces, jsonBytes }: BodyToRead,
): Made<RowsRequest<unknown>> {
  const { features } = codec.version.signature;
  const made = (rows: number) => newFrame(rows, features.length);
  const body = Buffer.concat(pieces);
  refuseTooMuchHeld(body.subarray(0, jsonBytes ?? body.length));
  const request = formatNamed(format).read(codec, body, jsonBytes, made);
  const { buffer } = request.frame.values as Float64Array<ArrayBuffer>;
  return { output: request, transfer: [buffer] };
}

export function writeAside(codec: Codec, { format, rest, answered }: AnswerToWrite): Made<Written> {
  const { body, jsonBytes } = formatNamed(format).write(codec, rest, answered);
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : new Uint8Array(body);
  return { output: { body: bytes, jsonBytes }, transfer: [bytes.buffer] };
}

import { type Answered, isLongAnswer } from '../../lane/answering.ts';
import type { Arm } from '../../lane/arm.ts';
import { callerOf } from '../../lane/caller.ts';
import { longBinary } from '../../lane/infer.ts';
import { readAndAsk, type Unread } from '../../lane/read-and-ask.ts';
import type { Span } from '../../trace.ts';
import type { AnswerToWrite, BodyToRead } from './aside.ts';
import { type Body, type LargeBody, whole } from './body.ts';
import type { Exchange } from './exchange.ts';
import type { RowsRequest, Written } from './format.ts';
import { type FormatName, formatNamed } from './formats.ts';
import type { RowsParts } from './rows.ts';

/** How many of a body's bytes are JSON, where binary data follows; and of an answer's. */
export const jsonLengthHeader = 'inference-header-content-length';

/** So much JSON is read in 1 to 2 ms. */
const longJson = 256 * 1024;

/** Whose rows they are, and how they are said. */
export interface RowsAsked {
  model: string;
  /** null: the live one. */
  version: number | null;
  format: FormatName;
  /** How many of the body's bytes are JSON; null: all of them. */
  jsonBytes: number | null;
}

/**
 * Answers a body's rows, whatever protocol it is of: reads them, asks the data plane, writes the answer. What would take
 * longer than a turn of the event loop may is read and written by the side thread. Throws what is wrong with the request,
 * or tells it to the caller later.
 */
export function answerRows(parts: RowsParts, exchange: Exchange, asked: RowsAsked, body: Body): void {
  readAndAsk(parts.plane, new RowsExchange(parts, exchange, asked, body));
}

class RowsExchange implements Unread<RowsRequest<unknown>> {
  readonly model: string;
  readonly version: number | null;
  readonly span: Span | null;
  readonly #parts: RowsParts;
  readonly #exchange: Exchange;
  readonly #asked: RowsAsked;
  #body: Body;
  readonly #since = performance.now();

  constructor(parts: RowsParts, exchange: Exchange, asked: RowsAsked, body: Body) {
    this.model = asked.model;
    this.version = asked.version;
    this.span = exchange.span;
    this.#parts = parts;
    this.#exchange = exchange;
    this.#asked = asked;
    this.#body = body;
  }

  readAside(arm: Arm): Promise<RowsRequest<unknown>> | null {
    const body = this.#body;
    return 'pieces' in body && isLong(body.bytes, this.#asked.jsonBytes) ? this.#readAside(arm, body) : null;
  }

  read(arm: Arm): RowsRequest<unknown> {
    const { plane } = this.#parts;
    const { format, jsonBytes } = this.#asked;
    return formatNamed(format).read(arm, whole(this.#body), jsonBytes, (rows) => plane.frame(arm, rows));
  }

  ask(arm: Arm, { frame, imputed, said, rest }: RowsRequest<unknown>): void {
    const exchange = this.#exchange;
    this.#body = nothing;
    this.#parts.plane.predict<Written>({
      arm,
      frame,
      imputed,
      caller: callerOf(said, exchange.waiting(), this.#since),
      encode: (answered) => {
        exchange.cacheStatus(answered.cacheStatus);
        return this.#write(answered, rest);
      },
      send: (written, error) => {
        if (!written) exchange.fail(error);
        else if (written.jsonBytes === null) exchange.send(200, written.body);
        else
          exchange.send(200, written.body, {
            'content-type': 'application/octet-stream',
            [jsonLengthHeader]: written.jsonBytes,
          });
      },
    });
  }

  fail(thrown: unknown): void {
    this.#exchange.fail(thrown);
  }

  async #readAside(arm: Arm, { pieces, bytes }: LargeBody): Promise<RowsRequest<unknown>> {
    const { plane, bodies } = this.#parts;
    const { format, jsonBytes } = this.#asked;
    const given: BodyToRead = { format, pieces, jsonBytes };
    bodies.hold(bytes);
    try {
      return await plane.side.begin('read', arm, given, this.#exchange.waiting());
    } finally {
      bodies.hold(-bytes);
    }
  }

  #write({ arm, id, rows, answers, texts }: Answered, rest: unknown): Written | Promise<Written> {
    const { format } = this.#asked;
    if (!isLongAnswer(arm, rows)) return formatNamed(format).write(arm, rest, { id, rows, answers, texts });
    const own = answers.slice();
    const given: AnswerToWrite = { format, rest, answered: { id, rows, answers: own, texts: texts.slice() } };
    return this.#parts.plane.side.finish('write', arm, given, [own.buffer]);
  }
}

const nothing = Buffer.alloc(0);

/** Whether a body takes longer to be read than a turn of the event loop may. */
function isLong(bytes: number, jsonBytes: number | null): boolean {
  return bytes > (jsonBytes === null ? longJson : longBinary) || (jsonBytes ?? 0) > longJson;
}

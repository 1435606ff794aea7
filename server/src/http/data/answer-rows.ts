import { SlipwayError } from '../../errors.ts';
import { type Answered, isLongAnswer } from '../../lane/answering.ts';
import type { Arm } from '../../lane/arm.ts';
import { callerOf } from '../../lane/caller.ts';
import { longBinary } from '../../lane/infer.ts';
import type { Waiting } from '../../waiting.ts';
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
 * longer than a turn of the event loop may is read and written by the side thread.
 */
export function answerRows(parts: RowsParts, exchange: Exchange, asked: RowsAsked, body: Body): void {
  new RowsExchange(parts, exchange, asked, body).begin();
}

class RowsExchange {
  readonly #parts: RowsParts;
  readonly #exchange: Exchange;
  readonly #asked: RowsAsked;
  #body: Body;
  readonly #since = performance.now();

  constructor(parts: RowsParts, exchange: Exchange, asked: RowsAsked, body: Body) {
    this.#parts = parts;
    this.#exchange = exchange;
    this.#asked = asked;
    this.#body = body;
  }

  /** Throws what is wrong with the request, or tells it to the caller later. */
  begin(): void {
    const { plane } = this.#parts;
    const { model, version, format, jsonBytes } = this.#asked;
    // A model that is not there is said first, whatever was sent to it.
    const arm = plane.route(model, version);
    if (!arm) {
      const { span } = this.#exchange;
      plane.whenAttached(
        model,
        version,
        span,
        () => this.begin(),
        (thrown) => this.#exchange.fail(thrown),
      );
      return;
    }
    const body = this.#body;
    if ('pieces' in body && isLong(body.bytes, jsonBytes)) void this.#readAside(arm, body);
    else {
      const bytes = whole(body);
      this.#counted(arm, () => {
        const request = formatNamed(format).read(arm, bytes, jsonBytes, (rows) => plane.frame(arm, rows));
        this.#ask(arm, request, this.#exchange.waiting());
      });
    }
  }

  async #readAside(arm: Arm, { pieces, bytes }: LargeBody): Promise<void> {
    const { plane, bodies } = this.#parts;
    const { model, version, format, jsonBytes } = this.#asked;
    bodies.hold(bytes);
    try {
      const waiting = this.#exchange.waiting();
      const given: BodyToRead = { format, pieces, jsonBytes };
      const request = await plane.side
        .begin<RowsRequest<unknown>>('read', arm, given, waiting)
        .catch((thrown) => {
          this.#count(arm, thrown);
          throw thrown;
        });
      // Another version may be live meanwhile, or this one detached.
      if (plane.route(model, version) === arm) this.#counted(arm, () => this.#ask(arm, request, waiting));
      else this.begin();
    } catch (thrown) {
      this.#exchange.fail(thrown);
    } finally {
      bodies.hold(-bytes);
    }
  }

  #ask(arm: Arm, { frame, imputed, said, rest }: RowsRequest<unknown>, waiting: Waiting): void {
    const exchange = this.#exchange;
    this.#body = nothing;
    this.#parts.plane.predict<Written>({
      arm,
      frame,
      imputed,
      caller: callerOf(said, waiting, this.#since),
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

  #write({ arm, id, rows, answers, texts }: Answered, rest: unknown): Written | Promise<Written> {
    const { format } = this.#asked;
    if (!isLongAnswer(arm, rows)) return formatNamed(format).write(arm, rest, { id, rows, answers, texts });
    const own = answers.slice();
    const given: AnswerToWrite = { format, rest, answered: { id, rows, answers: own, texts: texts.slice() } };
    return this.#parts.plane.side.finish('write', arm, given, [own.buffer]);
  }

  #counted(arm: Arm, work: () => void): void {
    try {
      work();
    } catch (thrown) {
      this.#count(arm, thrown);
      throw thrown;
    }
  }

  #count(arm: Arm, thrown: unknown): void {
    if (thrown instanceof SlipwayError) this.#parts.plane.error(arm, thrown.code);
  }
}

const nothing = Buffer.alloc(0);

/** Whether a body takes longer to be read than a turn of the event loop may. */
function isLong(bytes: number, jsonBytes: number | null): boolean {
  return bytes > (jsonBytes === null ? longJson : longBinary) || (jsonBytes ?? 0) > longJson;
}

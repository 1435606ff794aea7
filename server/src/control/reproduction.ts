import type { ReproductionView } from '../api-predictions.ts';
import { SlipwayError } from '../errors.ts';
import type { PredictionEvent } from '../events.ts';
import type { Finder } from '../journal/find.ts';
import { idText, parseId } from '../journal/id.ts';
import type { UpdateHistory } from '../loops/update-history.ts';
import { kindNamed } from '../models/kinds.ts';
import type { Learner } from '../models/model.ts';
import type { Blobs } from '../registry/blobs.ts';
import type { Registry } from '../registry/registry.ts';
import { answerWidth, type Signature, textColumns } from '../signature.ts';
import { newFrame } from '../tensor.ts';
import { isInTexts, textAt } from '../texts.ts';

/**
 * Answers a journaled request again from its record: the same version, the same learner's update, the same
 * features. Only programs that run inline, whose code is Slipway's own, are run in control's process.
 */
export class Reproduction {
  readonly #registry: Registry;
  readonly #blobs: Blobs;
  readonly #finder: Finder;
  readonly #history: UpdateHistory;

  constructor(registry: Registry, blobs: Blobs, finder: Finder, history: UpdateHistory) {
    this.#registry = registry;
    this.#blobs = blobs;
    this.#finder = finder;
    this.#history = history;
  }

  async of(text: string): Promise<ReproductionView> {
    const parsed = parseId(text);
    const found = parsed && this.#finder.find(parsed.id);
    if (!found)
      throw new SlipwayError('PREDICTION_NOT_FOUND', `There is no prediction ${text.slice(0, 60)}.`);
    const answers = [];
    for (const event of [found.live, ...found.shadows])
      if (event.failure === null) answers.push(await this.#again(found.live, event));
    return { id: idText(found.live.id), answers };
  }

  async #again(live: PredictionEvent, event: PredictionEvent): Promise<ReproductionView['answers'][number]> {
    const { model, version, update } = event;
    const record = this.#registry.version(model, version);
    const journaled = shown(event.answers, event.answerTexts, record?.signature);
    const said = { version, update, journaled };
    if (!record)
      return { ...said, reproduced: null, equal: null, why: 'The version is not registered any more.' };
    const kind = kindNamed(record.kind);
    const program = await this.#blobs.read(record.program);
    if (kind.runs(program) !== 'inline')
      return {
        ...said,
        reproduced: null,
        equal: null,
        why: `Control does not run this ${record.kind} version.`,
      };
    const { features } = record.signature;
    if (
      live.features.length !== features.length ||
      features.some(({ name }, i) => live.features[i] !== name)
    ) {
      return { ...said, reproduced: null, equal: null, why: 'Not every feature was journaled as it was.' };
    }
    const attached = await kind.attach(program, record.signature);
    if (kind.learns && update > 0) {
      const state = await this.#history.stateOf(model, version, update, attached as Learner, async (kept) => {
        const checkpoint = this.#registry.checkpoints(model, version).find((one) => one.update === kept);
        return checkpoint ? this.#blobs.read(checkpoint.digest) : null;
      });
      if (!state)
        return {
          ...said,
          reproduced: null,
          equal: null,
          why: `The outcomes that led to update ${update} are gone.`,
        };
    }
    const frame = newFrame(live.rows, features.length);
    frame.texts = live.texts;
    for (let row = 0; row < live.rows; row++) {
      for (let i = 0; i < features.length; i++)
        frame.values[row * features.length + i] = live.values[i * live.rows + row]!;
    }
    const answers = new Float64Array(event.answers.length);
    const answerTexts: string[] = [];
    await attached.predict(frame, answers, answerTexts);
    const reproduced = shown(answers, answerTexts, record.signature);
    const equal = reproduced.every((answer, i) => Object.is(answer, journaled[i]));
    return { ...said, reproduced, equal, why: null };
  }
}

/** Answers with the texts that their columns stand for. */
function shown(
  answers: Float64Array,
  texts: string[],
  signature: Signature | undefined,
): (number | string)[] {
  const columns = signature ? textColumns(signature.outputs) : [];
  const width = signature ? answerWidth(signature) : 1;
  return Array.from(answers, (value, i) =>
    columns.includes(i % width) && isInTexts(value) ? textAt(value, texts) : value,
  );
}

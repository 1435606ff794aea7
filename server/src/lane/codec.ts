import { isLong } from '../signature.ts';
import type { ServedModel, ServedVersion } from '../snapshot.ts';
import { AnswerWriter } from './answer-writer.ts';
import { JournaledFeatures } from './journaled-features.ts';
import { RowEncoder } from './row-encoder.ts';

/** All that a codec is made of: data, so that another thread can make the same one. */
export interface CodecRules {
  readonly model: string;
  readonly version: ServedVersion;
  readonly privacy: ServedModel['privacy'];
  /** The data folder's own, for hashes. */
  readonly secret: string;
}

/** What reads a version's rows, writes its answers and says what of both is kept. Made once, for it takes some time. */
export interface Codec extends CodecRules {
  /** Whether it takes whole numbers that float64 does not hold: bodies are read accordingly. */
  readonly exact: boolean;
  readonly encoder: RowEncoder;
  readonly writer: AnswerWriter;
  readonly journaled: JournaledFeatures;
}

export function codecOf({ model, version, privacy, secret }: CodecRules): Codec {
  const { signature } = version;
  return {
    model,
    version,
    privacy,
    secret,
    exact: signature.inputs.some((spec) => isLong(spec.datatype)),
    encoder: new RowEncoder(version),
    writer: new AnswerWriter(model, version),
    journaled: new JournaledFeatures(signature, privacy, secret),
  };
}

import { SlipwayError } from '../../errors.ts';

/** Ways to refuse a file, in words: which file, which place in it, what is wrong. */
export class Refusals {
  /** The file's name as the user gave it. */
  readonly file: string;

  constructor(file: string) {
    this.file = file;
  }

  /** The file is not as CatBoost writes it. */
  broken(place: string, why: string): never {
    throw new SlipwayError('FILE_BROKEN', `${this.file}: ${place}: ${why}.`);
  }

  /** The file may be right, but Slipway cannot serve it. */
  unsupported(place: string, why: string, hint?: string): never {
    throw new SlipwayError('FILE_UNSUPPORTED', `${this.file}: ${place}: ${why}.`, hint);
  }
}

import { cityHash64 } from './city-hash.ts';

/** Texts whose hashes are remembered: categories come again and again. */
const mostTexts = 4096;
const longestText = 64;

/** What a missing category is, as `astype(str)` of pandas makes it. */
const missing = 'nan';

/** CatBoost's hashes of categories: the lower half of the text's CityHash64, signed. */
export class CategoryHashes {
  private readonly encoder = new TextEncoder();
  private readonly bytes = new Uint8Array(3 * longestText);
  private readonly view = new DataView(this.bytes.buffer);
  private readonly known = new Map<string, number>();

  of(text: string = missing): number {
    if (text.length > longestText) return this.compute(text);
    let hash = this.known.get(text);
    if (hash === undefined) {
      hash = this.compute(text);
      if (this.known.size === mostTexts) this.known.clear();
      this.known.set(text, hash);
    }
    return hash;
  }

  private compute(text: string): number {
    if (3 * text.length > this.bytes.length) {
      // Not kept: one long text must not cost memory for ever.
      const bytes = this.encoder.encode(text);
      return cityHash64(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), bytes.length).lo;
    }
    const { written } = this.encoder.encodeInto(text, this.bytes);
    return cityHash64(this.view, written).lo;
  }
}

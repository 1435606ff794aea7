/**
 * What no float64 holds is text beside the numbers: free text that a model answers, and whole numbers of 64 bits beyond
 * 2^53, as their digits. The column holds the text's index and a half, which is no whole number, and no class's index.
 */
const half = 0.5;

/** What a column holds for a text that is put beside it. */
export function intoTexts(text: string, texts: string[]): number {
  return texts.push(text) - half;
}

export function isInTexts(value: number): boolean {
  return value - Math.floor(value) === half;
}

/** Of a value that is in texts. */
export function textAt(value: number, texts: string[]): string {
  return texts[value - half] ?? '';
}

/** What a column of 64-bit integers holds for one. */
export function ofInteger(value: bigint, texts: string[]): number {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : intoTexts(String(value), texts);
}

/** The integer that a column of them holds, to the last digit; of what is no whole number, toward zero. */
export function toInteger(value: number, texts: string[]): bigint {
  if (isInTexts(value)) return BigInt(textAt(value, texts));
  return Number.isFinite(value) ? BigInt(Math.trunc(value)) : 0n;
}

/** The float64 that is nearest to what a column of integers holds. */
export function nearest(value: number, texts: string[]): number {
  return isInTexts(value) ? Number(textAt(value, texts)) : value;
}

import { type Signature, textColumns } from '../signature.ts';
import { intoTexts, isInTexts, textAt } from '../texts.ts';

/**
 * The texts of one request's rows out of a call that answered several requests: `answers` (that request's, rewritten in
 * place) index into them. Nobody gets, and no journal record keeps, what belongs to another's rows.
 */
export function ownTexts(
  { outputs }: Signature,
  answers: Float64Array,
  width: number,
  texts: string[],
): string[] {
  if (texts.length === 0) return texts;
  const own: string[] = [];
  for (const column of textColumns(outputs)) {
    for (let at = column; at < answers.length; at += width) {
      const value = answers[at]!;
      if (isInTexts(value)) answers[at] = intoTexts(textAt(value, texts), own);
    }
  }
  return own;
}

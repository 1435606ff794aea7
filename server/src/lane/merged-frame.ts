import { isText, longColumns, type Signature } from '../signature.ts';
import { type Frame, newFrame } from '../tensor.ts';
import { isInTexts } from '../texts.ts';

/** Several requests' rows in one frame, in their order: rows one below the other, indices into texts shifted. */
export function mergedFrame(frames: Frame[], { features, inputs }: Signature): Frame {
  const [first] = frames;
  if (frames.length === 1) return first!;
  const { width } = first!;
  const merged = newFrame(
    frames.reduce((sum, { rows }) => sum + rows, 0),
    width,
  );
  const textColumns = features.flatMap((feature, column) => (isText(feature) ? [column] : []));
  const longs = longColumns(inputs);
  let at = 0;
  for (const { rows, values, texts } of frames) {
    merged.values.set(values.subarray(0, rows * width), at);
    const shift = merged.texts.length;
    if (shift > 0) {
      // A missing text is NaN, and stays it.
      for (const column of textColumns)
        for (let row = 0; row < rows; row++) merged.values[at + row * width + column]! += shift;
      for (const column of longs)
        for (let row = 0, to = at + column; row < rows; row++, to += width)
          if (isInTexts(merged.values[to]!)) merged.values[to]! += shift;
    }
    for (const text of texts) merged.texts.push(text);
    at += rows * width;
  }
  return merged;
}

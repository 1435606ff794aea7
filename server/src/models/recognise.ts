import { open, stat } from 'node:fs/promises';
import { SlipwayError } from '../errors.ts';
import { kinds } from './kinds.ts';
import type { Kind, ModelFiles } from './model.ts';

const headBytes = 4096;

type Refusal = 'FILE_UNSAFE' | 'FILE_NOT_RECOGNISED' | 'FILE_UNSUPPORTED';

const pickle = 'to load it is to run the code inside it';

/** Things that people give instead of a model, by how they begin: bytes in hexadecimal, or text. */
const others: [begins: string | RegExp, code: Refusal, found: string][] = [
  [
    /^version https:\/\/git-lfs/,
    'FILE_NOT_RECOGNISED',
    'is a Git LFS pointer, not the file itself: fetch it with `git lfs pull`',
  ],
  ['8002', 'FILE_UNSAFE', `is a Python pickle: ${pickle}`],
  ['8003', 'FILE_UNSAFE', `is a Python pickle: ${pickle}`],
  ['8004', 'FILE_UNSAFE', `is a Python pickle: ${pickle}`],
  ['8005', 'FILE_UNSAFE', `is a Python pickle: ${pickle}`],
  ['7801', 'FILE_UNSAFE', `is compressed, as joblib writes pickles: ${pickle}`],
  ['785e', 'FILE_UNSAFE', `is compressed, as joblib writes pickles: ${pickle}`],
  ['789c', 'FILE_UNSAFE', `is compressed, as joblib writes pickles: ${pickle}`],
  ['78da', 'FILE_UNSAFE', `is compressed, as joblib writes pickles: ${pickle}`],
  ['1f8b', 'FILE_UNSUPPORTED', 'is a gzip archive: unpack it first'],
  ['504b0304', 'FILE_UNSUPPORTED', 'is a zip archive (a PyTorch or Keras file, perhaps)'],
  ['89504e47', 'FILE_NOT_RECOGNISED', 'is a PNG picture'],
  [
    /^\s*<(!doctype|html)/i,
    'FILE_NOT_RECOGNISED',
    'is an HTML page, perhaps an error page that was saved as the model',
  ],
  [/^CBM1/, 'FILE_UNSUPPORTED', 'is a CatBoost model, which this release does not take'],
  [
    /^\s*\{[\s\S]{0,3000}"(learner|gradient_booster|gbtree)"/,
    'FILE_UNSUPPORTED',
    'is an XGBoost model, which this release does not take',
  ],
  [/^\{L/, 'FILE_UNSUPPORTED', 'is an XGBoost model (UBJSON), which this release does not take'],
];

/** Finds the kind by looking into the file. Throws FILE_* in words: what was found, and what Slipway takes. */
export async function recognise(files: ModelFiles): Promise<Kind> {
  if (!(await stat(files.path)).isFile()) {
    throw new SlipwayError(
      'FILE_NOT_RECOGNISED',
      `${files.main || files.path} is a folder, not a model file.`,
      'Name the file that holds the model.',
    );
  }
  const file = await open(files.path);
  let head: Buffer;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    head = buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
  const takes = `Slipway takes: ${kinds.map((kind) => kind.title).join('; ')}.`;
  if (head.length === 0) throw new SlipwayError('FILE_NOT_RECOGNISED', `${files.main} is empty.`, takes);
  const text = head.toString('latin1');
  const hex = head.subarray(0, 8).toString('hex');
  for (const [begins, code, found] of others) {
    if (typeof begins === 'string' ? !hex.startsWith(begins) : !begins.test(text)) continue;
    const way =
      code === 'FILE_UNSAFE'
        ? `Export the model to ONNX (skl2onnx) or to its library’s own text format. ${takes}`
        : takes;
    throw new SlipwayError(code, `${files.main} ${found}.`, way);
  }
  const kind = kinds.find((one) => one.recognises(head, files));
  if (!kind)
    throw new SlipwayError('FILE_NOT_RECOGNISED', `${files.main} is in no format that Slipway knows.`, takes);
  return kind;
}

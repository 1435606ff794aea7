import { open } from 'node:fs/promises';
import { SlipwayError } from '../errors.ts';
import { shown } from '../shown.ts';
import { kinds } from './kinds.ts';
import type { Kind, ModelFiles } from './model.ts';

const headBytes = 4096;

type Refusal = 'FILE_UNSAFE' | 'FILE_NOT_RECOGNISED' | 'FILE_UNSUPPORTED';

const pickle = 'to load it is to run the code inside it';
const compressed = 'is compressed; joblib writes pickles so, and to load one is to run the code inside it';
const notYet = 'which this release does not take';
const dump = 'which is for people to read and leaves things out: save it with Booster.save_model';
const utf16 = 'is text in UTF-16: save it as UTF-8';
const table = 'a table of data, not a model: give it with --baseline';

/** Things that people give instead of a model, by how they begin: bytes in hexadecimal, or text (latin1). */
const others: [begins: string | RegExp, code: Refusal, found: string][] = [
  ['8002', 'FILE_UNSAFE', `is a Python pickle: ${pickle}`],
  ['8003', 'FILE_UNSAFE', `is a Python pickle: ${pickle}`],
  ['8004', 'FILE_UNSAFE', `is a Python pickle: ${pickle}`],
  ['8005', 'FILE_UNSAFE', `is a Python pickle: ${pickle}`],
  // Protocols 0 and 1: "ccopy_reg\n_reconstructor\n", "(dp0", "}q\0".
  [/^(\(?[ci][\w.]+\n[\w.]+\n|\([dl]p\d+\n|[\]}(]q\0)/, 'FILE_UNSAFE', `is a Python pickle: ${pickle}`],
  ['7801', 'FILE_UNSAFE', compressed],
  ['785e', 'FILE_UNSAFE', compressed],
  ['789c', 'FILE_UNSAFE', compressed],
  ['78da', 'FILE_UNSAFE', compressed],
  ['1f8b', 'FILE_UNSUPPORTED', 'is compressed with gzip: unpack it first'],
  ['425a68', 'FILE_UNSUPPORTED', 'is compressed with bzip2: unpack it first'],
  ['fd377a585a', 'FILE_UNSUPPORTED', 'is compressed with xz: unpack it first'],
  ['04224d18', 'FILE_UNSUPPORTED', 'is compressed with LZ4: unpack it first'],
  ['28b52ffd', 'FILE_UNSUPPORTED', 'is compressed with zstd: unpack it first'],
  [
    '504b0304',
    'FILE_UNSUPPORTED',
    `is a zip archive inside a folder (PyTorch, Keras or skops, perhaps), ${notYet}`,
  ],
  ['080112', 'FILE_UNSUPPORTED', `is a TensorFlow SavedModel, ${notYet}: convert it to ONNX with tf2onnx`],
  ['894844460d0a', 'FILE_UNSUPPORTED', `is an HDF5 file (Keras, perhaps), ${notYet}`],
  [/^[\s\S]{4}TFL3/, 'FILE_UNSUPPORTED', `is a TensorFlow Lite model, ${notYet}`],
  [/^[\s\S]{8}\{"__metadata__"|^[\s\S]{4}\0{4}\{"/, 'FILE_UNSUPPORTED', `is a safetensors file, ${notYet}`],
  ['47475546', 'FILE_UNSUPPORTED', `is a GGUF language model, ${notYet}`],
  [
    /^(binf|bs64)/,
    'FILE_UNSUPPORTED',
    'is an XGBoost model of the old binary form: load it with XGBoost and save it as model.json or model.ubj',
  ],
  [/^(booster\[0\]:|0:\[)|^\s*\[\s*\{\s*"nodeid"/, 'FILE_UNSUPPORTED', `is XGBoost’s dump_model, ${dump}`],
  [/^\s*\{\s*"name"\s*:\s*"tree"/, 'FILE_UNSUPPORTED', `is LightGBM’s dump_model, ${dump}`],
  [/^\s*<(\?xml|PMML)/i, 'FILE_UNSUPPORTED', `is an XML file (PMML, perhaps), ${notYet}`],
  [/^\s*\{\s*"__class__"/, 'FILE_UNSUPPORTED', `is a skops file’s list of Python objects, ${notYet}`],
  [/^flavors:\s*$/m, 'FILE_UNSUPPORTED', 'is an MLflow description alone: give the folder that it lies in'],
  [/^(PAR1|\x93NUMPY)/, 'FILE_NOT_RECOGNISED', `is ${table}`],
  [
    /^\s*\{[\s\S]*"inputs"\s*:\s*\[\s*\{/,
    'FILE_NOT_RECOGNISED',
    'holds golden rows or a request, not a model: golden rows are given with --golden',
  ],
  [
    /^version https:\/\/git-lfs/,
    'FILE_NOT_RECOGNISED',
    'is a Git LFS pointer, not the file itself: fetch it with `git lfs pull`',
  ],
  [
    /^(import \w|from [\w.]+ import |def \w+\()/m,
    'FILE_NOT_RECOGNISED',
    'is Python code, but not a file model.py that defines load() and predict(frame)',
  ],
  [/^"?[\w .-]+"?(,"?[\w .-]+"?)+\r?\n["\w.-]*,/, 'FILE_NOT_RECOGNISED', `looks like CSV, ${table}`],
  ['fffe', 'FILE_NOT_RECOGNISED', utf16],
  ['feff', 'FILE_NOT_RECOGNISED', utf16],
  ['89504e47', 'FILE_NOT_RECOGNISED', 'is a PNG picture'],
  [
    /^\s*<(!doctype|html)/i,
    'FILE_NOT_RECOGNISED',
    'is an HTML page, perhaps an error page that was saved as the model',
  ],
  [
    /^\s*[{[]/,
    'FILE_NOT_RECOGNISED',
    'looks like JSON, but begins neither as an XGBoost model nor as a file of Slipway’s own: {"slipway": "logistic", …} or {"slipway": "remote", …}',
  ],
];

/** The kind of a file, by looking into it; null if it is of none. */
export async function kindOf(files: ModelFiles): Promise<Kind | null> {
  const head = await headOf(files.path);
  return kinds.find((one) => one.recognises(head, files)) ?? null;
}

/** Finds the kind by looking into the file. Throws FILE_* in words: what was found, and what Slipway takes. */
export async function recognise(files: ModelFiles): Promise<Kind> {
  const kind = await kindOf(files);
  if (kind) return kind;
  const head = await headOf(files.path);
  const takes = `Slipway takes: ${kinds.map(({ title }) => title).join('; ')}.`;
  if (head.length === 0) throw new SlipwayError('FILE_NOT_RECOGNISED', `${files.main} is empty.`, takes);
  const text = head.toString('latin1');
  const hex = head.subarray(0, 8).toString('hex');
  for (const [begins, code, found] of others) {
    if (typeof begins === 'string' ? !hex.startsWith(begins) : !begins.test(text)) continue;
    const way =
      code === 'FILE_UNSAFE'
        ? `Export the model to ONNX (skl2onnx, torch.onnx.export) or to its library’s own text format. ${takes}`
        : takes;
    throw new SlipwayError(code, `${files.main} ${found}.`, way);
  }
  const found = `is in no format that Slipway knows: it begins with ${beginningOf(head)}`;
  throw new SlipwayError('FILE_NOT_RECOGNISED', `${files.main} ${found}.`, takes);
}

/** A file's first words if it is text, else its first bytes: enough to know it again. */
function beginningOf(head: Buffer): string {
  const [line = ''] = head.toString('utf8').trimStart().split(/\r?\n/);
  if (line !== '' && !/[\p{Cc}\ufffd]/u.test(line.replaceAll('\t', ' ').slice(0, 200))) return shown(line);
  return `the bytes ${head
    .subarray(0, 8)
    .toString('hex')
    .replace(/..(?=.)/g, '$& ')}`;
}

async function headOf(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

import { Header } from 'tar';
import { SlipwayError } from '../errors.ts';
import { isObject } from '../json.ts';

/** Files as one upload: a file itself, or several as a tar. */
export interface Brought {
  name: string;
  content: Uint8Array;
}

/** Of a configuration, what the file says itself. Everything else would be a setting, and is one of the version. */
const described = new Set([
  'name',
  'platform',
  'backend',
  'default_model_filename',
  'max_batch_size',
  'input',
  'output',
]);

const block = 512;

/**
 * What comes with a request to load a model, as Triton's clients send it: contents under `file:VERSION/PATH` (bytes, or
 * base64 where the request is JSON), and `config`, a model configuration. Triton's model repository extension,
 * "parameters". Returns null where no file came. Throws INVALID_REQUEST, LOAD_REFUSED.
 */
export function broughtFiles(model: string, parameters: { [name: string]: unknown }): Brought | null {
  const files = new Map<string, Uint8Array>();
  const folders = new Set<string>();
  for (const [name, value] of Object.entries(parameters)) {
    if (!name.startsWith('file:')) continue;
    const [, folder, path] = /^file:([^/]+)\/(.+)$/.exec(name) ?? [];
    if (folder === undefined || path === undefined) {
      throw new SlipwayError(
        'INVALID_REQUEST',
        `"${name.slice(0, 100)}" is no file of a version.`,
        'Name it "file:1/model.onnx".',
      );
    }
    folders.add(folder);
    files.set(path, contentOf(name, value));
  }
  if (folders.size > 1) {
    throw new SlipwayError(
      'INVALID_REQUEST',
      `Files of ${folders.size} versions of "${model}" came at once.`,
      'Load one version after the other.',
    );
  }
  checkConfig(parameters.config, files.size > 0);
  const [only] = files;
  if (!only) return null;
  if (files.size === 1 && !only[0].includes('/')) return { name: only[0], content: only[1] };
  return { name: `${model}.tar`, content: tarOf(files) };
}

function contentOf(name: string, value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'string') {
    const bytes = Buffer.from(value, 'base64');
    // Buffer leaves out what is no base64, and says nothing.
    if (bytes.length === Math.floor((value.replace(/=+$/, '').length * 3) / 4)) return bytes;
  }
  throw new SlipwayError('INVALID_REQUEST', `"${name.slice(0, 100)}" is not the base64 of a file.`);
}

function checkConfig(config: unknown, withFiles: boolean): void {
  if (config === undefined) return;
  let fields: unknown;
  try {
    fields = JSON.parse(String(config));
  } catch {
    // Said below.
  }
  if (!isObject(fields)) throw new SlipwayError('INVALID_REQUEST', '"config" is not the JSON of an object.');
  const setting = withFiles ? Object.keys(fields).find((field) => !described.has(field)) : 'config';
  if (setting === undefined) return;
  throw new SlipwayError(
    'LOAD_REFUSED',
    `"${setting.slice(0, 100)}" would change how the model is served, not what it is.`,
    'How a version is served is set with `slipway tune`.',
  );
}

function tarOf(files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [path, content] of files) {
    if (Buffer.byteLength(path) > 100)
      throw new SlipwayError('INVALID_REQUEST', `The path "${path.slice(0, 100)}…" is too long.`);
    const header = new Header({ path, size: content.length, mode: 0o644, type: 'File' });
    header.encode();
    parts.push(header.block!, content, Buffer.alloc(-content.length & (block - 1)));
  }
  return Buffer.concat([...parts, Buffer.alloc(2 * block)]);
}

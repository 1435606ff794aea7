import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { posix } from 'node:path';
import { SlipwayError } from '../../errors.ts';
import type { ModelFiles } from '../model.ts';
import { type Field, fields, MessageWriter, type Span, text } from './protobuf.ts';

/** Which fields of which message lead to tensors (onnx.proto3 of the ONNX repository). */
const leads: Record<string, Record<number, string>> = {
  model: { 7: 'graph' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparse' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 10: 'tensor', 6: 'graph', 11: 'graph', 22: 'sparse', 23: 'sparse' },
  sparse: { 1: 'tensor', 2: 'tensor' },
};
/** TensorProto's fields. */
const tensor = { name: 8, rawData: 9, externalData: 13, dataLocation: 14 };

/** Protobuf's own limit, which the whole file has to keep. */
const mostBytes = 2 ** 31 - 1;

/**
 * The same model with all that it keeps in other files put into it, so that no runtime ever opens one (docs:
 * ExternalData.md of the ONNX repository). Only the version's own files are read. Null: it keeps nothing elsewhere.
 * `model` must be one that `readModel` has read. Throws FILE_UNSAFE, FILE_BROKEN and FILE_UNSUPPORTED.
 */
export function inlineExternalData(model: Uint8Array, files: ModelFiles): Uint8Array | null {
  const reader = new ExternalFiles(files, model.length);
  return rewritten({ bytes: model, from: 0, to: model.length }, 'model', reader);
}

function rewritten(span: Span, message: string, reader: ExternalFiles): Uint8Array | null {
  if (message === 'tensor') return rewrittenTensor(span, reader);
  const changed = new Map<number, Uint8Array>();
  for (const { number, span: inner } of fields(span)) {
    const next = leads[message]![number];
    const content = next === undefined ? null : rewritten(inner, next, reader);
    if (content) changed.set(inner.from, content);
  }
  if (changed.size === 0) return null;
  const writer = new MessageWriter();
  for (const field of fields(span)) {
    const content = changed.get(field.span.from);
    if (content && field.wire === 2) writer.bytes(field.number, content);
    else writer.copy(field);
  }
  return writer.done();
}

function rewrittenTensor(span: Span, reader: ExternalFiles): Uint8Array | null {
  const kept: Field[] = [];
  const external = new Map<string, string>();
  let isExternal = false;
  let name = '';
  for (const field of fields(span)) {
    if (field.number === tensor.externalData) {
      const [key, value] = pairOf(field.span);
      external.set(key, value);
    } else if (field.number === tensor.dataLocation) isExternal ||= field.value === 1;
    else kept.push(field);
    if (field.number === tensor.name) name = text(field.span);
  }
  if (!isExternal && external.size === 0) return null;
  const data = reader.read(name, external);
  const writer = new MessageWriter();
  for (const field of kept) if (field.number !== tensor.rawData) writer.copy(field);
  writer.bytes(tensor.rawData, data);
  return writer.done();
}

/** A StringStringEntryProto. */
function pairOf(entry: Span): [key: string, value: string] {
  let key = '';
  let value = '';
  for (const { number, span } of fields(entry)) {
    if (number === 1) key = text(span);
    else if (number === 2) value = text(span);
  }
  return [key, value];
}

/** Reads parts of the files beside a model. */
class ExternalFiles {
  readonly #files: ModelFiles;
  #bytes: number;

  constructor(files: ModelFiles, bytes: number) {
    this.#files = files;
    this.#bytes = bytes;
  }

  read(name: string, external: Map<string, string>): Uint8Array {
    const { main } = this.#files;
    const broken = (why: string): never => {
      throw new SlipwayError('FILE_BROKEN', `${main}: tensor "${name}" ${why}.`);
    };
    const descriptor = openSync(this.#pathOf(name, external.get('location') ?? ''), 'r');
    try {
      const { size } = fstatSync(descriptor);
      const whole = (key: string): number | null => {
        const said = external.get(key);
        if (said === undefined) return null;
        return /^\d{1,15}$/.test(said)
          ? Number(said)
          : broken(`has the external ${key} "${said.slice(0, 40)}"`);
      };
      const offset = whole('offset') ?? 0;
      const length = whole('length') ?? Math.max(0, size - offset);
      if (offset + length > size)
        broken(`should lie in ${length} bytes from ${offset} of a file that has ${size}`);
      this.#bytes += length;
      if (this.#bytes > mostBytes)
        throw new SlipwayError('FILE_UNSUPPORTED', `${main}: ONNX models may have up to 2 GiB in all.`);
      const data = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const read = readSync(descriptor, data, done, length - done, offset + done);
        if (read === 0) broken('is cut off: its file has become shorter');
        done += read;
      }
      return data;
    } finally {
      closeSync(descriptor);
    }
  }

  #pathOf(name: string, location: string): string {
    const { main, path: own, beside } = this.#files;
    const inside = posix.normalize(location);
    const shown = JSON.stringify(location.slice(0, 200));
    if (posix.isAbsolute(inside) || inside === '..' || inside.startsWith('../') || location.includes('\\'))
      throw new SlipwayError(
        'FILE_UNSAFE',
        `${main} keeps the tensor "${name}" in a file outside its folder, ${shown}, which Slipway does not open.`,
        'Save it as one file: onnx.save(model, path, save_as_external_data=False).',
      );
    const path = inside === posix.basename(main) ? own : beside?.get(inside);
    if (path !== undefined) return path;
    throw new SlipwayError(
      'FILE_BROKEN',
      `${main} keeps the tensor "${name}" in the file ${shown}, which was not given.`,
      'Give the folder, or a zip of it, or save it as one file: onnx.save(model, path, save_as_external_data=False).',
    );
  }
}

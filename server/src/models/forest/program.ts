import { SlipwayError } from '../../errors.ts';
import { inMemory, type ProgramBytes, programPart } from '../program-file.ts';
import type { CompiledForest } from './compile.ts';
import type { Link } from './link.ts';
import { linkKinds } from './link.ts';

/** A compiled forest with its link as flat bytes: header, code, tables. Later releases read every version. */
export interface Program extends CompiledForest {
  link: Link;
}

const magic = 0x46774c53; // "SLwF"
const version = 1;
const headerBytes = 64;

/** Header: u32 magic, version, features, groups, rows, x, out, code bytes, table bytes, link kind, 1 if the link is float32; f64 at 48 scale, at 56 divisor. */
export function encodeProgram({ features, groups, rows, x, out, code, tables, link }: Program): Uint8Array {
  const bytes = new Uint8Array(headerBytes + code.length + tables.length);
  const view = new DataView(bytes.buffer);
  const kind = linkKinds.indexOf(link.kind);
  const single = link.precision === 'float32' ? 1 : 0;
  const header = [magic, version, features, groups, rows, x, out, code.length, tables.length, kind, single];
  header.forEach((value, k) => {
    view.setUint32(4 * k, value, true);
  });
  view.setFloat64(48, link.scale, true);
  view.setFloat64(56, link.divisor, true);
  bytes.set(code, headerBytes);
  bytes.set(tables, headerBytes + code.length);
  return bytes;
}

/** Code in memory, tables where they lie. Throws FILE_BROKEN if the bytes are no whole program. */
export async function decodeProgram(
  bytes: ProgramBytes,
): Promise<Omit<Program, 'tables'> & { tables: ProgramBytes }> {
  const head = await inMemory(programPart(bytes, 0, headerBytes));
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (bytes.length < headerBytes || view.getUint32(0, true) !== magic) {
    throw broken('The program of a tree version does not begin as one.');
  }
  const [format, features, groups, rows, x, out, codeBytes, tableBytes, kind] = Array.from(
    { length: 9 },
    (_, k) => view.getUint32(4 * (k + 1), true),
  ) as [number, number, number, number, number, number, number, number, number];
  if (format !== version)
    throw broken(`The program of a tree version has format ${format}; this Slipway reads ${version}.`);
  const linkKind = linkKinds[kind];
  if (linkKind === undefined || bytes.length !== headerBytes + codeBytes + tableBytes) {
    throw broken('The program of a tree version is cut off.');
  }
  return {
    features,
    groups,
    rows,
    x,
    out,
    code: Uint8Array.from(await inMemory(programPart(bytes, headerBytes, headerBytes + codeBytes))),
    tables: programPart(bytes, headerBytes + codeBytes, bytes.length),
    link: {
      kind: linkKind,
      precision: view.getUint32(40, true) === 1 ? 'float32' : 'float64',
      scale: view.getFloat64(48, true),
      divisor: view.getFloat64(56, true),
    },
  };
}

const broken = (message: string) =>
  new SlipwayError(
    'FILE_BROKEN',
    message,
    'Deploy the model’s file again: its kept program was damaged or written by a newer Slipway.',
  );

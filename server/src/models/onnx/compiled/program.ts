import { SlipwayError } from '../../../errors.ts';
import { inMemory, type ProgramBytes, programPart } from '../../program-file.ts';
import type { Plan } from './plan.ts';

const magic = 0x47774c53; // "SLwG": no ONNX file begins so.
const version = 1;
export const headerBytes = 16;

type Described = Pick<Plan, 'widths' | 'steps' | 'outputs'> & { forests: number[] };

/** Whether a program of the onnx kind, which begins so, is a compiled graph; else it is an ONNX file. */
export function isCompiled(bytes: Uint8Array): boolean {
  return (
    bytes.length >= headerBytes && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) === magic
  );
}

/** Header: u32 magic, version, bytes of the description, constants; then the description (JSON), the constants (f64), the forests. */
export function encodePlan({ widths, steps, outputs, constants, forests }: Plan): Uint8Array {
  const described: Described = { widths, steps, outputs, forests: forests.map(({ length }) => length) };
  const text = Buffer.from(JSON.stringify(described));
  const header = Buffer.alloc(headerBytes);
  for (const [k, value] of [magic, version, text.length, constants.length].entries())
    header.writeUInt32LE(value, 4 * k);
  return new Uint8Array(Buffer.concat([header, text, new Uint8Array(constants.buffer), ...forests]));
}

/** The constants are a copy, the forests stay where they lie. Throws FILE_BROKEN if the bytes are no whole program. */
export async function decodePlan(
  bytes: ProgramBytes,
): Promise<Omit<Plan, 'forests'> & { forests: ProgramBytes[] }> {
  const head = await inMemory(programPart(bytes, 0, headerBytes));
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const format = view.getUint32(4, true);
  if (format !== version)
    throw broken(`The program of an ONNX version has format ${format}; this Slipway reads ${version}.`);
  const [textBytes, count] = [view.getUint32(8, true), view.getUint32(12, true)];
  let at = headerBytes + textBytes;
  const { forests: lengths, ...plan } = JSON.parse(
    new TextDecoder().decode(await inMemory(programPart(bytes, headerBytes, at))),
  ) as Described;
  const whole = at + 8 * count + lengths.reduce((sum, length) => sum + length, 0);
  if (bytes.length !== whole) throw broken('The program of an ONNX version is cut off.');
  const constants = new Float64Array(
    Uint8Array.from(await inMemory(programPart(bytes, at, at + 8 * count))).buffer,
  );
  at += 8 * count;
  const forests = lengths.map((length) => {
    at += length;
    return programPart(bytes, at - length, at);
  });
  return { ...plan, constants, forests };
}

const broken = (message: string) =>
  new SlipwayError(
    'FILE_BROKEN',
    message,
    'Deploy the model’s file again: its kept program was damaged or written by a newer Slipway.',
  );

import { SlipwayError } from '../../errors.ts';
import { copyProgram, inMemory, type ProgramBytes, programPart } from '../program-file.ts';
import type { CombinationPlan, Combinations } from './combinations.ts';
import { linkKinds } from './loss.ts';

/** A prepared CatBoost model as flat bytes. Later releases read every version. */
export interface Program {
  link: (typeof linkKinds)[number];
  scale: number;
  bias: number[];
  /** Columns of the forest. */
  width: number;
  /** A categorical column: its one-hot values, by code. null: a number. */
  columns: (number[] | null)[];
  combinations: Combinations;
  /** Of `forest/program.ts`. */
  forest: Uint8Array;
}

const magic = 0x43774c53; // "SLwC"
const version = 1;
const headerBytes = 16;

interface Plan extends Omit<Program, 'combinations' | 'forest' | 'link'> {
  link: number;
  plans: CombinationPlan[];
}

/** Header: u32 magic, version, bytes of the plan (JSON, filled up to a multiple of 8), bytes of the forest; then these; then the tables. */
export function encodeProgram({ combinations, forest, ...rest }: Program): Uint8Array {
  const plan: Plan = { ...rest, link: linkKinds.indexOf(rest.link), plans: combinations.plans };
  const json = JSON.stringify(plan);
  const planBytes = Buffer.from(json.padEnd(json.length + ((8 - (Buffer.byteLength(json) % 8)) % 8)));
  const tables = combinations.slots.flatMap((slots, k) => [slots, combinations.values[k]!]);
  const length = tables.reduce((sum, table) => sum + table.byteLength, 0);
  const bytes = new Uint8Array(headerBytes + planBytes.length + forest.length + length);
  new Uint32Array(bytes.buffer, 0, 4).set([magic, version, planBytes.length, forest.length]);
  let at = headerBytes;
  for (const part of [planBytes, forest, ...tables]) {
    bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    at += part.byteLength;
  }
  return bytes;
}

async function copyOf(part: ProgramBytes): Promise<ArrayBuffer> {
  const copy = new Uint8Array(part.length);
  await copyProgram(part, copy);
  return copy.buffer;
}

/** The forest stays where it lies, tables are copies. Throws FILE_BROKEN if the bytes are no whole program. */
export async function decodeProgram(
  bytes: ProgramBytes,
): Promise<Omit<Program, 'forest'> & { forest: ProgramBytes }> {
  const head = await inMemory(programPart(bytes, 0, headerBytes));
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (bytes.length < headerBytes || view.getUint32(0, true) !== magic) {
    throw broken('The program of a CatBoost version does not begin as one.');
  }
  const format = view.getUint32(4, true);
  if (format !== version) {
    throw broken(`The program of a CatBoost version has format ${format}; this Slipway reads ${version}.`);
  }
  let at = headerBytes;
  const take = (length: number): ProgramBytes => {
    if (length > bytes.length - at) throw broken('The program of a CatBoost version is cut off.');
    at += length;
    return programPart(bytes, at - length, at);
  };
  const planBytes = take(view.getUint32(8, true));
  const forest = take(view.getUint32(12, true));
  const { plans, link, ...rest } = JSON.parse(new TextDecoder().decode(await inMemory(planBytes))) as Plan;
  const combinations: Combinations = { plans, slots: [], values: [] };
  for (const { slots, rows, columns } of plans.flatMap(({ lookups }) => lookups)) {
    combinations.slots.push(new Uint32Array(await copyOf(take(12 * slots))));
    combinations.values.push(new Float32Array(await copyOf(take(4 * rows * columns.length))));
  }
  return { ...rest, link: linkKinds[link] ?? 'raw', combinations, forest };
}

const broken = (message: string) =>
  new SlipwayError(
    'FILE_BROKEN',
    message,
    'Deploy the model’s file again: its kept program was damaged or written by a newer Slipway.',
  );

import { SlipwayError } from '../../errors.ts';
import type { Signature } from '../../signature.ts';
import type { ForestModel } from '../forest/attach.ts';
import type { Link } from '../forest/link.ts';
import { answersOf, applyLink, linkKinds } from '../forest/link.ts';

/** A gblinear booster: each group's sum begins with `start`, then x · weight is added feature by feature, in float32. */
export interface LinearModel {
  features: number;
  groups: number;
  start: Float32Array;
  /** features × groups, row-major. */
  weights: Float32Array;
  link: Link;
}

const magic = 0x4c774c53; // "SLwL"
const version = 1;
const headerBytes = 20;

/** Header: u32 magic, version, features, groups, link kind (a float32 link of scale and divisor 1); then f32 start and weights. */
export function encodeLinear({ features, groups, start, weights, link }: LinearModel): Uint8Array {
  const bytes = new Uint8Array(headerBytes + 4 * (start.length + weights.length));
  const view = new DataView(bytes.buffer);
  [magic, version, features, groups, linkKinds.indexOf(link.kind)].forEach((value, k) => {
    view.setUint32(4 * k, value, true);
  });
  [...start, ...weights].forEach((value, k) => {
    view.setFloat32(headerBytes + 4 * k, value, true);
  });
  return bytes;
}

export const isLinear = (head: Uint8Array): boolean =>
  head.length >= 4 && new DataView(head.buffer, head.byteOffset).getUint32(0, true) === magic;

function decodeLinear(bytes: Uint8Array): LinearModel {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [format, features, groups, kind] = [4, 8, 12, 16].map((at) => view.getUint32(at, true)) as [
    number,
    number,
    number,
    number,
  ];
  const linkKind = linkKinds[kind];
  const numbers = (features + 1) * groups;
  if (format !== version || linkKind === undefined || bytes.length !== headerBytes + 4 * numbers) {
    throw new SlipwayError(
      'FILE_BROKEN',
      'The program of a linear version is cut off or of another Slipway.',
      'Deploy the model’s file again.',
    );
  }
  const all = Float32Array.from({ length: numbers }, (_, k) => view.getFloat32(headerBytes + 4 * k, true));
  return {
    features,
    groups,
    start: all.subarray(0, groups),
    weights: all.subarray(groups),
    link: { kind: linkKind, precision: 'float32', scale: 1, divisor: 1 },
  };
}

/** Attaches what `encodeLinear` made. Missing values (NaN) add nothing. */
export function attachLinear(bytes: Uint8Array, signature: Signature): ForestModel {
  const { features, groups, start, weights, link } = decodeLinear(bytes);
  const width = answersOf(link.kind, groups);
  const sums = new Float64Array(groups);

  const score = (values: Float64Array, from: number): void => {
    for (let group = 0; group < groups; group++) {
      let sum = start[group]!;
      for (let k = 0; k < features; k++) {
        const x = Math.fround(values[from + k]!);
        if (!Number.isNaN(x)) sum = Math.fround(sum + Math.fround(x * weights[k * groups + group]!));
      }
      sums[group] = sum;
    }
  };
  return {
    signature,
    predict(frame, answers) {
      for (let row = 0; row < frame.rows; row++) {
        score(frame.values, row * features);
        applyLink(link, sums, 0, answers, row * width, groups);
      }
    },
    margins(frame, margins) {
      for (let row = 0; row < frame.rows; row++) {
        score(frame.values, row * features);
        margins.set(sums, row * groups);
      }
    },
  };
}

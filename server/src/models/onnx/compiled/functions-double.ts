import { binary, type Loop1, type Loop2, unary } from './functions.ts';
import type { OfOne, OfTwo } from './plan.ts';

/** The functions of functions.ts that round, as they are in double precision. */

const { exp, log, sqrt } = Math;

const unaryOfDoubles: Partial<Record<OfOne, Loop1>> = {
  squareRoot: (x, to, count) => {
    for (let k = 0; k < count; k++) to[k] = sqrt(x[k]!);
  },
  exponential: (x, to, count) => {
    for (let k = 0; k < count; k++) to[k] = exp(x[k]!);
  },
  logarithm: (x, to, count) => {
    for (let k = 0; k < count; k++) to[k] = log(x[k]!);
  },
  reciprocal: (x, to, count) => {
    for (let k = 0; k < count; k++) to[k] = 1 / x[k]!;
  },
};

const binaryOfDoubles: Partial<Record<OfTwo, Loop2>> = {
  add: (x, y, to, count) => {
    for (let k = 0; k < count; k++) to[k] = x[k]! + y[k]!;
  },
  subtract: (x, y, to, count) => {
    for (let k = 0; k < count; k++) to[k] = x[k]! - y[k]!;
  },
  multiply: (x, y, to, count) => {
    for (let k = 0; k < count; k++) to[k] = x[k]! * y[k]!;
  },
  divide: (x, y, to, count) => {
    for (let k = 0; k < count; k++) to[k] = x[k]! / y[k]!;
  },
  power: (x, y, to, count) => {
    for (let k = 0; k < count; k++) to[k] = x[k]! ** y[k]!;
  },
  subtractFrom: (x, y, to, count) => {
    for (let k = 0; k < count; k++) to[k] = y[k]! - x[k]!;
  },
  divideInto: (x, y, to, count) => {
    for (let k = 0; k < count; k++) to[k] = y[k]! / x[k]!;
  },
};

export const unaryLoop = (op: OfOne, isDouble = false): Loop1 =>
  (isDouble ? unaryOfDoubles[op] : undefined) ?? unary[op];

export const binaryLoop = (op: OfTwo, isDouble = false): Loop2 =>
  (isDouble ? binaryOfDoubles[op] : undefined) ?? binary[op];

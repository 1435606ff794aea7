import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { attachWatched } from '../../src/gates/attaching.ts';
import { tryCandidate } from '../../src/gates/candidate.ts';
import type { Model } from '../../src/models/model.ts';
import { floats, graph, message, node, tensor } from '../models/onnx/onnx-file.ts';

describe('how long attaching holds an event loop, by a clock of the test', () => {
  let clock: number;
  let closed: number[];
  beforeEach(() => {
    clock = 0;
    closed = [];
    vi.spyOn(process, 'threadCpuUsage').mockImplementation(() => ({
      user: clock * 900,
      system: clock * 100,
    }));
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });
  /** Each attaches in turns of 1 ms, and one of so many. */
  const attaching = (...turns: number[]) => {
    let count = 0;
    return async (): Promise<Model> => {
      const own = count++;
      for (const turn of [1, turns[own]!, 1]) {
        await nextTurn();
        clock += turn;
      }
      return { signature: {}, predict: () => {}, close: async () => closed.push(own) } as unknown as Model;
    };
  };
  const seen = async (affordable: number, ...turns: number[]) =>
    (await attachWatched(attaching(...turns), affordable)).longestTurn;

  test('is its longest turn, not all of them', async () => {
    expect(await seen(5, 4)).toBe(4);
    expect(closed).toEqual([]);
  });

  test('is the shortest of up to five where one alone would be too long; only the first is kept', async () => {
    expect(await seen(5, 9, 7, 3, 100)).toBe(3);
    expect(closed).toEqual([1, 2]);
    closed = [];
    expect(await seen(5, 9, 8, 7, 6, 8, 1)).toBe(6);
    expect(closed).toEqual([1, 2, 3, 4]);
  });

  test('is not tried again where that would take too long', async () => {
    expect(await seen(5, 600, 1)).toBe(600);
    expect(closed).toEqual([]);
  });

  test('a failure is the attaching’s own', async () => {
    const failing = () => Promise.reject(new Error('no'));
    await expect(attachWatched(failing, 5)).rejects.toThrow('no');
  });
});

/**
 * X · A¹ · … · A³⁰⁰ behind a Tanh, which keeps it on onnxruntime. The product of the constants is computed when the
 * session is made, so that takes long, and a row does not.
 */
function folded(): Uint8Array {
  const side = 64;
  const numbers = Array.from({ length: side * side }, (_, i) => Math.sin(i) / side);
  const products = Array.from({ length: 300 }, (_, i) =>
    node('MatMul', [i === 0 ? 'A' : `P${i - 1}`, 'A'], [`P${i}`]),
  );
  const made = graph(
    side,
    [5, tensor('A', [side, side], floats(...numbers))],
    [5, tensor('in', [2, side], floats(...numbers.slice(0, 2 * side)))],
    ...products,
    node('MatMul', ['X', 'in'], ['H']),
    node('Tanh', ['H'], ['T']),
    node('MatMul', ['T', 'P299'], ['Y']),
  );
  return message([1, 8], [7, made], [8, message([2, 17])]);
}

test('a graph whose session takes longer than a lane affords runs in a process of its own, and it is said why', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-attaching-'));
  const path = join(folder, 'model.onnx');
  writeFileSync(path, folded());
  const file = { name: 'model.onnx', path };
  const trial = { file, baseline: null, golden: null, label: null, classes: null, onnx: null } as const;
  const bounds = { milliseconds: 60_000, bytes: 2 ** 31 };
  try {
    const { placement, gates, facts } = await tryCandidate(
      { ...trial, rounds: 'best' },
      bounds,
      async (tried) => tried,
    );
    expect(facts.runsOn).toBe('onnxruntime');
    expect(placement).toBe('scorer');
    expect(gates.find(({ name }) => name === 'where it runs')?.detail).toMatch(
      /^in a process of its own: its runtime needs \d+ ms to take it in, and 5 ms/,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { SlipwayError } from '../../../src/errors.ts';
import type { Model, ModelHints, Prepared } from '../../../src/models/model.ts';
import { remote } from '../../../src/models/remote/remote.ts';
import { answerWidth } from '../../../src/signature.ts';
import { newFrame } from '../../../src/tensor.ts';
import type { Waiting } from '../../../src/waiting.ts';

/** The machine may be busy: a late answer is no failure unless a test says so. */
const patient = { slipway: 'remote', model: 'sum', timeoutMs: 60_000, connectMs: 60_000 };

/** A remote version's file with these settings, prepared as a candidate does. */
export async function prepare(settings: object, hints: ModelHints = {}): Promise<Prepared> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-remote-'));
  try {
    const path = join(folder, 'remote.json');
    writeFileSync(path, JSON.stringify({ ...patient, ...settings }));
    return await remote.prepare({ main: 'remote.json', path }, hints);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The same, attached as in a lane until the test ends. `then`: settings that hold from then on. */
export async function attach(settings: object, then: object = {}): Promise<Model> {
  const { program, signature } = await prepare(settings);
  const changed = { ...JSON.parse(Buffer.from(program).toString()), ...then };
  const model = await remote.attach(Buffer.from(JSON.stringify(changed)), signature);
  onTestFinished(async () => void (await model.close?.()));
  return model;
}

export async function predict(
  model: Model,
  rows: number[][] = [[1, 2]],
  waiting?: Waiting,
): Promise<number[]> {
  const frame = newFrame(rows.length, rows[0]!.length);
  frame.values.set(rows.flat());
  const answers = new Float64Array(rows.length * answerWidth(model.signature));
  await model.predict(frame, answers, [], waiting);
  return [...answers];
}

export async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SlipwayError);
  return (error as SlipwayError).code;
}

import { execFileSync } from 'node:child_process';
import { basename } from 'node:path';
import { expect, test } from 'vitest';
import { inRepository } from '../../processes/harness.ts';

const source = (path: string): string => JSON.stringify(inRepository(`server/src/${path}`));

/** In a process of its own, as a lane: the library is loaded once a process. */
function run(code: string): unknown {
  const all = `
    const { readFileSync } = await import('node:fs');
    const { readyRuntime } = await import(${source('models/onnx/runtime.ts')});
    const { onnx } = await import(${source('models/onnx/onnx.ts')});
    const path = ${JSON.stringify(inRepository('spec/models/onnx_mlp/model.onnx'))};
    const { program, signature } = JSON.parse(process.argv[1]);
    ${code}`;
  return JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '--eval', all, prepared], { encoding: 'utf8' }),
  );
}

const { onnx } = await import('../../../src/models/onnx/onnx.ts');
const path = inRepository('spec/models/onnx_mlp/model.onnx');
const { program, signature } = await onnx.prepare({ main: basename(path), path }, {});
const prepared = JSON.stringify({ program: Buffer.from(program).toString('base64'), signature });

test('a graph that is attached after another thread began with the library answers as any other', async () => {
  const width = signature.features.length;
  const frame = {
    rows: 2,
    width,
    values: Float64Array.from({ length: 2 * width }, (_, k) => k / 7),
    texts: [],
  };
  const wanted = new Float64Array(2 * signature.outputs.reduce((sum, one) => sum + one.width, 0));
  await (await onnx.attach(program, signature)).predict(frame, wanted, []);
  const got = run(`
    await readyRuntime();
    const model = await onnx.attach(Buffer.from(program, 'base64'), signature);
    const answers = new Float64Array(${wanted.length});
    for (let time = 0; time < 3; time++)
      await model.predict({ rows: 2, width: ${width}, values: Float64Array.from(${JSON.stringify([...frame.values])}), texts: [] }, answers, []);
    await model.close();
    console.log(JSON.stringify([...answers]));
    process.exit(0);
  `);
  expect(got).toEqual([...wanted]);
});

test('two that are attached at once begin with it once', () => {
  const once = run(`
    const both = await Promise.all([1, 2].map(() => onnx.attach(Buffer.from(program, 'base64'), signature)));
    const same = readyRuntime() === readyRuntime();
    for (const model of both) await model.close();
    console.log(JSON.stringify(same));
    process.exit(0);
  `);
  expect(once).toBe(true);
});

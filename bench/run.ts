import { spawnSync } from 'node:child_process';

/** `npm run bench`: every figure that README quotes, one after another. `npm run bench -- NAME …` runs some. */
const all = [
  'serving',
  'batching',
  'journal',
  'fold',
  'forest',
  'models',
  'symmetric',
  'onnx',
  'memory',
  'replace',
  'overload',
  'start',
  'loading',
  'lanes',
  'many',
  'swaps',
  'large',
  'heavy',
  'asleep',
  'upstream-tensors',
  'traces',
];
const wanted = process.argv.slice(2);
for (const name of wanted.length > 0 ? wanted : all) {
  console.log(`\n## ${name}`);
  const { status } = spawnSync(process.execPath, [new URL(`${name}.ts`, import.meta.url).pathname], {
    stdio: 'inherit',
  });
  if (status !== 0) process.exitCode = 1;
}

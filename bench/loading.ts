import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { inRepository } from '../server/test/processes/harness.ts';
import { completeForest } from './complete-forest.ts';
import { lightgbmFile } from './lightgbm-file.ts';
import { xgboostFile } from './xgboost-file.ts';

/**
 * Loading a version, each step in a process of its own: reading its file and making it a program, as the candidate
 * does, and attaching that and warming it, as a lane does; beside reading the file and JSON.parse-ing or splitting it.
 * CPU time, because a shared machine's clock is its neighbours', too. Usage: node bench/loading.ts [round count]
 */
const rounds = Number(process.argv[2] ?? 3);
const folder = mkdtempSync(join(tmpdir(), 'slipway-loading-'));
const spec = (name: string): string => inRepository(`spec/models/${name}`);

/** A hundred megabytes of it: 3,780 trees of 255 leaves. */
const largeTrees = 3780;
const made: [kind: string, name: string, write: (path: string) => void][] = [
  ['lightgbm', 'small.txt', (path) => copyFileSync(spec('lgb_binary_nan/model.txt'), path)],
  ['lightgbm', '500-trees.txt', (path) => writeFileSync(path, lightgbmFile(500, 31, 28))],
  ['lightgbm', '500-trees-of-255.txt', (path) => writeFileSync(path, lightgbmFile(500, 255, 28))],
  ['lightgbm', '100-mb.txt', (path) => writeFileSync(path, lightgbmFile(largeTrees, 255, 28))],
  ['xgboost', '500-trees.json', (path) => writeFileSync(path, xgboostFile(completeForest(500, 6, 28)))],
  ['catboost', 'small.json', (path) => copyFileSync(spec('cat_regression/model.json'), path)],
  ['onnx', 'compiled-forest.onnx', (path) => copyFileSync(spec('sk_gboost/model.onnx'), path)],
  ['onnx', 'compiled-linear.onnx', (path) => copyFileSync(spec('sk_logit/model.onnx'), path)],
  ['onnx', 'runtime.onnx', (path) => copyFileSync(spec('onnx_mlp/model.onnx'), path)],
  ['logistic', 'logit-30.json', (path) => copyFileSync(new URL('./logit-30.json', import.meta.url), path)],
];

interface Figures {
  cpu: number;
  longest: number;
  grown: number;
}

/** Of the rounds that with the least CPU time: the others had more of the machine's other work in it. */
function step(name: string, kind: string, file: string): Figures {
  const child = new URL('./loading-child.ts', import.meta.url).pathname;
  const all = Array.from(
    { length: rounds },
    () =>
      JSON.parse(execFileSync(process.execPath, [child, name, kind, file], { encoding: 'utf8' })) as Figures,
  );
  return all.reduce((a, b) => (b.cpu < a.cpu ? b : a));
}

try {
  for (const [kind, name, write] of made) {
    const file = join(folder, name);
    write(file);
    const megabytes = statSync(file).size / 2 ** 20;
    const [read, prepare, attach] = ['read', 'prepare', 'attach'].map((one) => step(one, kind, file)) as [
      Figures,
      Figures,
      Figures,
    ];
    const times = (prepare.cpu + attach.cpu) / read.cpu;
    console.log(
      `${kind} ${basename(name)} (${megabytes.toFixed(1)} MB): read and parsed ${read.cpu.toFixed(0)} ms, prepared ${prepare.cpu.toFixed(0)}, attached and warm ${attach.cpu.toFixed(0)}: ${times.toFixed(1)}x; longest turn ${attach.longest.toFixed(1)} ms; prepared in ${(prepare.grown / 2 ** 20).toFixed(0)} MB, ${(prepare.grown / 2 ** 20 / megabytes).toFixed(1)}x the file`,
    );
    rmSync(file);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

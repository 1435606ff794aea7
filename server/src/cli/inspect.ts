import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { Command } from 'commander';
import { tryCandidate } from '../gates/candidate.ts';
import { findTie } from '../tied.ts';
import { type HintOptions, hintsOf, withHints } from './hints.ts';
import { modelPath } from './model-path.ts';
import { type CandidateOptions, type PythonOptions, pythonOf, withCandidate, withPython } from './options.ts';
import { say, sayJson } from './output.ts';
import { UsageError } from './usage-error.ts';
import { type Described, versionPage } from './version-page.ts';

interface Options extends HintOptions, PythonOptions, CandidateOptions {
  json?: boolean;
}

export const inspect = withPython(
  withCandidate(
    withHints(
      new Command('inspect')
        .description('what a model file is, found by loading it as a server would; needs no server')
        .argument('<file>', 'a file, a folder, a zip or a tar of one'),
    ),
  ),
)
  .option('--json', 'print one JSON document and nothing else')
  .addHelpText(
    'after',
    `
Examples:
  $ slipway inspect model.txt
  $ slipway inspect mlruns/…/model --json | jq '.features'

The file is read and run in a process of its own, within these bounds. Memory
and times are of this machine. A file that fails a gate: exit code 4.`,
  )
  .action(async (file: string, options: Options) => {
    const { candidateTimeout: milliseconds, candidateMemory: bytes } = options;
    const { label, classes, onnx, rounds } = hintsOf(options);
    const trial = {
      file: given(modelPath(file)),
      golden: options.golden === undefined ? null : given(options.golden),
      baseline: options.baseline === undefined ? null : given(options.baseline),
      label: label ?? null,
      classes: classes ?? null,
      onnx: onnx ?? null,
      rounds: rounds ?? ('best' as const),
    };
    // Whoever ends this command does not leave behind a process that hangs.
    await findTie();
    const described = await tryCandidate(
      trial,
      { milliseconds, bytes, python: pythonOf(options) },
      async (tried): Promise<Described> => {
        const { signature, source } = tried;
        return {
          kind: tried.kind,
          task: signature.task,
          features: signature.features,
          inputs: signature.inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
          outputs: signature.outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
          classes: signature.classes ?? null,
          missingAllowed: signature.missingAllowed,
          facts: tried.facts,
          gates: tried.gates,
          importance: tried.importance,
          microseconds: tried.microseconds,
          batchMicroseconds: tried.batchMicroseconds,
          memoryBytes: tried.memoryBytes,
          attachedBytes: tried.attachedBytes,
          placement: tried.placement,
          provenance: { file: trial.file.name, ...source },
        };
      },
    );
    if (options.json) sayJson(described);
    else say(versionPage(described));
  });

function given(file: string): { name: string; path: string } {
  const path = resolve(file);
  if (!existsSync(path)) throw new UsageError(`There is no file ${file}.`, 'Check the path.');
  return { name: basename(path), path };
}

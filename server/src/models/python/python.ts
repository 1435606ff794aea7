import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { SlipwayError } from '../../errors.ts';
import type { Signature } from '../../signature.ts';
import type { Kind, Model, ModelFiles, ModelHints, Prepared } from '../model.ts';
import { type ProgramBytes, ProgramFile } from '../program-file.ts';
import { type PythonSettings, pythonCallMs, pythonRefusal, pythonSettings } from './settings.ts';

/** The name that the file has to have. */
export const pythonMain = 'model.py';
const mostSourceBytes = 2 ** 20;
const defines = (name: string): RegExp => new RegExp(`^def ${name}\\(|^${name}\\s*=`, 'm');

/** Code of the user's own, run by the user's own interpreter (docs/models.md). */
export const python: Kind = {
  name: 'python',
  title: 'a folder with a model.py (Python, where `slipway serve --allow-python` lets it run)',
  // Numeric libraries sum in another order for other numbers of rows.
  tolerance: 1e-6,
  refusal: pythonRefusal,
  callMs: pythonCallMs,
  runs: () => 'runtime',
  learns: false,
  recognises: (head, { main, path }) =>
    head.length > 0 &&
    posix.basename(main) === pythonMain &&
    isModel(sourceOf(path) ?? Buffer.from(head).toString('latin1')),
  prepare,
  attach,
};

function isModel(source: string): boolean {
  return defines('predict').test(source) && defines('load').test(source);
}

/** Where its functions are defined is not bound to the beginning. */
function sourceOf(path: string): string | null {
  try {
    return readFileSync(path).toString('latin1', 0, mostSourceBytes);
  } catch {
    return null;
  }
}

// Arrow's library is loaded only where a Python version is prepared or served.

async function prepare(files: ModelFiles, hints: ModelHints): Promise<Prepared> {
  const source = sourceOf(files.path) ?? '';
  if (!isModel(source))
    throw new SlipwayError(
      'FILE_BROKEN',
      `${files.main}: it does not define load() and predict(frame).`,
      'See docs/models.md for a whole example.',
    );
  const settings = pythonSettings(files.main);
  const { writeImage } = await import('./folder-image.ts');
  const { signatureOf } = await import('./signature.ts');
  await mkdir(settings.folder, { recursive: true, mode: 0o700 });
  const programFile = join(settings.folder, `program-${randomBytes(8).toString('hex')}`);
  await writeImage(programFile, new Map([...(files.beside ?? []), [pythonMain, files.path]]), files.main);
  const program = await ProgramFile.open(programFile);
  const { child, hello } = await begun(program, settings, files.main).finally(() => program.close());
  try {
    const signature = await signatureOf(child, hello, hints, files.main);
    return {
      signature,
      program: new Uint8Array(),
      programFile,
      hazard: 'its Python code may take as long as a row makes it',
      facts: {
        framework: 'python',
        frameworkVersion: hello.python,
        frame: hello.pandas ? `pandas.DataFrame (${hello.pandas})` : 'pyarrow.Table',
        pyarrow: hello.pyarrow,
        interpreter: settings.interpreter,
      },
    };
  } finally {
    await child.close();
  }
}

/** Loads it in a process of its own, and resolves when that is done. */
async function attach(program: ProgramBytes, signature: Signature): Promise<Model> {
  const settings = pythonSettings(pythonMain);
  const { PythonModel } = await import('./python-model.ts');
  const { child, hello } = await begun(program, settings, pythonMain);
  const { features } = hello;
  if (features && JSON.stringify(features) !== JSON.stringify(signature.features)) {
    await child.close();
    throw new SlipwayError(
      'FILE_BROKEN',
      'model.py declares other features than when it passed its gates.',
      'Let it declare the same ones each time.',
    );
  }
  child.take(signature.features);
  return new PythonModel(child, signature);
}

async function begun(program: ProgramBytes, settings: PythonSettings, file: string) {
  const { unpacked } = await import('./folder-image.ts');
  const { KeptChild } = await import('./kept-child.ts');
  const { usualPauses } = await import('./backoff.ts');
  const child = new KeptChild(await unpacked(program, settings.folder), settings, file, usualPauses);
  return { child, hello: await child.begin() };
}

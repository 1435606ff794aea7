import { SlipwayError } from '../../errors.ts';

/** How this process runs Python versions. */
export interface PythonSettings {
  /** A path, or a name that is looked for in PATH. */
  interpreter: string;
  /** For one call of `predict`, ms; and for the process to start and `load`, ms. */
  callMs: number;
  startMs: number;
  /** Resident, of a version's process and those that it starts, bytes. */
  bytes: number;
  /** Where this process unpacks the versions' folders. */
  folder: string;
}

let allowed: PythonSettings | null = null;

/** Lets this process run Python versions; none does that was not told to. */
export function allowPython(settings: PythonSettings | null): void {
  allowed = settings;
}

/** null: none is run. */
export function pythonCallMs(): number | null {
  return allowed?.callMs ?? null;
}

/** PYTHON_NOT_ALLOWED, or null. */
export function pythonRefusal(): SlipwayError | null {
  return allowed ? null : new SlipwayError('PYTHON_NOT_ALLOWED', 'It is Python code, which is not run here.');
}

/** Throws PYTHON_NOT_ALLOWED, naming the file. */
export function pythonSettings(file: string): PythonSettings {
  if (allowed) return allowed;
  throw new SlipwayError('PYTHON_NOT_ALLOWED', `${file} is Python code, which is not run here.`);
}

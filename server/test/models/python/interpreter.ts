import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PythonSettings } from '../../../src/models/python/settings.ts';
import { defaultPython } from '../../../src/processes/config.ts';

const named = process.env.SLIPWAY_TEST_PYTHON ?? 'python3';
const looked = spawnSync(named, ['-c', 'import pyarrow'], { stdio: 'ignore' });

/** A Python with pyarrow: the one that SLIPWAY_TEST_PYTHON names, or python3; null: there is none, and what needs it is skipped. */
export const interpreter: string | null = looked.status === 0 ? named : null;
if (!interpreter)
  console.warn(
    `Tests of Python versions are skipped: ${named} has no pyarrow. Name one with SLIPWAY_TEST_PYTHON.`,
  );

/** As a lane runs Python, in a temporary folder. */
export function pythonIn(folder: string, more: Partial<PythonSettings> = {}): PythonSettings {
  return { ...defaultPython, interpreter: interpreter ?? named, folder, ...more };
}

/** A temporary folder, and how it goes. */
export function room(): { folder: string; leave: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-python-'));
  return { folder, leave: () => rmSync(folder, { recursive: true, force: true }) };
}

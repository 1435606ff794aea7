import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { layout } from '../../src/layout.ts';
import { lockFolder } from '../../src/processes/folder-lock.ts';

test('a data folder that is a file is no fault of Slipway', () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-lock-'));
  const file = join(folder, 'data');
  writeFileSync(file, '');
  expect(() => lockFolder(layout(file))).toThrow(expect.objectContaining({ code: 'DATA_FOLDER_UNUSABLE' }));
  rmSync(folder, { recursive: true });
});

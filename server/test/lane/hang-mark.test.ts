import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import type { Arm } from '../../src/lane/arm.ts';
import { HangMark } from '../../src/lane/hang-mark.ts';

const folder = mkdtempSync(join(tmpdir(), 'slipway-mark-'));
const arm = (model: string) => ({ model, version: { version: 3 } }) as Arm;
const [a, b] = [arm('a'), arm('b')];
const said = () => readFileSync(join(folder, 'lane-1.mark'), 'utf8');
let mark: HangMark;

beforeEach(() => {
  mark = new HangMark(folder, 1);
});
afterAll(() => rmSync(folder, { recursive: true }));

test('names who was asked first and has not answered', () => {
  mark.set(a);
  mark.set(b);
  expect(said()).toBe('a\n3\n');
  mark.clear(a);
  expect(said()).toBe('b\n3\n');
  mark.clear(b);
  expect(said()).toBe('');
});

test('one answer of several does not clear the others', () => {
  mark.set(a);
  mark.set(a);
  mark.clear(a);
  expect(said()).toBe('a\n3\n');
});

test('a shorter name leaves nothing of a longer one', () => {
  const long = arm('a-rather-long-name');
  mark.set(long);
  mark.set(a);
  mark.clear(long);
  expect(said()).toBe('a\n3\n');
});

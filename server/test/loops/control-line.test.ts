import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Link, listen } from '../../src/link/link.ts';
import { ControlLine } from '../../src/loops/control-line.ts';
import type { Command, ControlToLoops, LoopsToControl } from '../../src/messages.ts';
import { until } from '../processes/harness.ts';

const command = { id: 'm-1/compare/promote', kind: 'promote' } as Command;

/** Control as the loops see it: `answers` a command with an error, or with null; undefined: not at all. */
async function meeting(answer: (times: number) => string | null | undefined, stands = () => true) {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-line-'));
  const path = join(folder, 'control.sock');
  const links: Link<LoopsToControl, ControlToLoops>[] = [];
  let times = 0;
  const server = await listen<LoopsToControl, ControlToLoops>(path, (link) => {
    links.push(link);
    link.onMessage = (message) => {
      if (message.type !== 'command') return;
      const error = answer(++times);
      if (error !== undefined) link.send({ type: 'done', id: message.command.id, error });
    };
  });
  const done: string[] = [];
  const refused: string[] = [];
  const line = new ControlLine({
    path,
    onSnapshot: () => {},
    onRestore: () => {},
    onDone: (id) => done.push(id),
    onRefused: ({ id }) => refused.push(id),
    stands,
  });
  onTestFinished(() => {
    line.close();
    for (const link of links) link.close();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { line, links, done, refused, times: () => times };
}

test('what control could not do is asked of it again, and nobody waits for that', async () => {
  const { line, done, refused, times } = await meeting((times) => (times < 3 ? 'There was no room.' : null));
  await line.carryOut(command);
  expect(times()).toBe(1);
  expect(done).toEqual([]);
  await until(() => done.length > 0, 'the third try');
  expect(done).toEqual([command.id]);
  expect(refused).toEqual([command.id, command.id]);
  expect(times()).toBe(3);
});

test('a control that came anew is asked what was not done', async () => {
  const { line, links, done, times } = await meeting((times) => (times === 1 ? undefined : null));
  const answered = line.carryOut(command);
  await until(() => times() === 1, 'the first control');
  links[0]!.close();
  await answered;
  expect(done).toEqual([command.id]);
  expect(times()).toBe(2);
});

test('what nobody wants any more is not asked again', async () => {
  const { line, done, times } = await meeting(
    () => 'There was no room.',
    () => false,
  );
  await line.carryOut(command);
  await until(() => done.length > 0, 'it to be let go');
  expect(times()).toBe(1);
});

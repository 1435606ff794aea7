import { execFileSync, spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listSegments, segmentFile } from '../../src/journal/segments.ts';
import { electricity, inRepository, Slipway } from './harness.ts';

/**
 * A disk without room, for a real lane: the kernel lets none of its files grow beyond a size (RLIMIT_FSIZE), which
 * cuts a write short and fails the next one, as a full disk or a quota does. Needs Linux's prlimit.
 */
const hasLimits = spawnSync('prlimit', ['--version']).status === 0;
const model = inRepository('examples/electricity/model.txt');
const rows = electricity(9062, 9162);
let slipway: Slipway;

beforeAll(async () => {
  slipway = await Slipway.start();
  expect((await slipway.deploy('strict', model)).status).toBe(201);
  expect((await slipway.deploy('lenient', model, { failedWrite: 'serve' })).status).toBe(201);
});
afterAll(() => slipway.end());

const ask = (name: string, i: number) =>
  slipway.predict<{ id: string; error?: { code: string } }>(name, {
    features: rows[i % rows.length]!.features,
  });

async function unjournaled(): Promise<number> {
  const { body } = await slipway.api<string>('GET', '/metrics');
  return Number(/^slipway_unjournaled_total (\d+)/m.exec(body)![1]);
}

test.skipIf(!hasLimits)(
  'on a full disk a model refuses, or answers and counts, as it was told; then all goes on',
  async () => {
    expect((await ask('strict', 0)).status).toBe(200);
    const { pid } = await slipway.processNamed('lane-1');
    const limit = (size: number | 'unlimited') =>
      execFileSync('prlimit', ['--pid', String(pid), `--fsize=${size}:`]);
    const folder = join(slipway.folder, 'journal');
    const written = () => statSync(segmentFile(folder, listSegments(folder).at(-1)!)).size;
    // Room for a few records, and a part of one.
    limit(written() + 1000);
    const answered: string[] = [];
    let refused = 0;
    for (let i = 0; i < 50; i++) {
      const { status, body } = await ask('strict', i);
      if (status === 200) answered.push(body.id);
      else {
        expect({ status, code: body.error?.code }).toEqual({ status: 503, code: 'JOURNAL_WRITE_FAILED' });
        refused++;
      }
    }
    expect(answered.length).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(30);
    // A label is smaller than a prediction: now there is room for neither.
    limit(written() + 20);
    expect((await slipway.label({ id: answered[0], label: 1 })).status).toBe(503);
    const before = await unjournaled();
    for (let i = 0; i < 10; i++) expect((await ask('lenient', i)).status).toBe(200);
    expect(await unjournaled()).toBe(before + 10);
    expect(listSegments(folder)).toHaveLength(1);

    limit('unlimited');
    for (let i = 0; i < 10; i++) {
      const { status, body } = await ask('strict', i);
      expect(status).toBe(200);
      answered.push(body.id);
    }
    // The same lane, nothing lost that was answered, and what was refused left no trace.
    expect((await slipway.processNamed('lane-1')).pid).toBe(pid);
    for (const id of answered) expect((await slipway.label({ id, label: 1 })).status).toBe(200);
    const { body } = await slipway.api<{ overall: { labelled: number }; traffic: { predictions: number } }>(
      'GET',
      '/api/models/strict',
    );
    expect(body.overall.labelled).toBe(answered.length);
    expect(body.traffic.predictions).toBe(answered.length + 1);
  },
);

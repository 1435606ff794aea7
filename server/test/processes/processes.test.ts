import { rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ChangeAnswer, ModelView, StatusView, TimelineEntry } from '../../src/api.ts';
import { defaultConfig } from '../../src/processes/config.ts';
import { startSupervisor } from '../../src/processes/supervisor.ts';
import { electricity, inRepository, Slipway, until } from './harness.ts';

const model = inRepository('examples/electricity/model.txt');
const rows = electricity(9062, 9262);
let slipway: Slipway;
/** Of all tests here: a request that failed with its lane may have been recorded, one that was answered has been. */
const requests = { sent: 0, answered: 0 };

beforeAll(async () => {
  slipway = await Slipway.start({ lanes: 2 });
  expect((await slipway.deploy('electricity', model)).status).toBe(201);
});
afterAll(() => slipway.end());

async function predict(i: number) {
  requests.sent++;
  const answer = await slipway.predict('electricity', { features: rows[i % rows.length]!.features });
  if (answer.status === 200) requests.answered++;
  return answer;
}

/** Sends rows one after another until told to stop; counts what failed. */
function traffic(): { stop: () => Promise<{ sent: number; failed: number; versions: Set<number> }> } {
  let going = true;
  const report = { sent: 0, failed: 0, versions: new Set<number>() };
  const done = (async () => {
    for (let i = 0; going; i++) {
      report.sent++;
      try {
        const { status, body } = await predict(i);
        if (status === 200) report.versions.add(body.version);
        else report.failed++;
      } catch {
        report.failed++;
      }
    }
  })();
  return {
    stop: async () => {
      going = false;
      await done;
      return report;
    },
  };
}

describe('one data folder, one supervisor', () => {
  test('a second start says who has the folder', async () => {
    const second = startSupervisor({ ...defaultConfig, data: slipway.folder, port: 0, controlPort: 0 });
    await expect(second).rejects.toMatchObject({
      code: 'DATA_FOLDER_BUSY',
      message: expect.stringContaining(String(process.pid)),
    });
  });

  test('a port that is taken is named', async () => {
    const port = Number(new URL(slipway.dataPlane).port);
    const data = `${slipway.folder}-b`;
    const second = startSupervisor({ ...defaultConfig, data, port, controlPort: 0 });
    await expect(second).rejects.toMatchObject({
      code: 'ADDRESS_IN_USE',
      message: expect.stringContaining(String(port)),
    });
    rmSync(data, { recursive: true, force: true });
  });

  test('beyond loopback nothing starts without keys', async () => {
    const open = startSupervisor({ ...defaultConfig, data: `${slipway.folder}-c`, host: '0.0.0.0' });
    await expect(open).rejects.toMatchObject({ code: 'KEY_FILE_REQUIRED' });
  });

  test.each([
    ['is not there', null, /Cannot read/],
    ['holds none', '# nobody\n', /holds no key/],
    ['has a short one', 'ann:secret\n', /Line 1/],
  ])('a key file that %s is said before anything starts', async (_name, text, message) => {
    const keyFile = `${slipway.folder}/keys`;
    if (text !== null) writeFileSync(keyFile, text);
    const start = startSupervisor({ ...defaultConfig, data: `${slipway.folder}-d`, keyFile });
    await expect(start).rejects.toMatchObject({
      code: 'KEY_FILE_REQUIRED',
      message: expect.stringMatching(message),
    });
  });
});

describe('killed processes', () => {
  test.each(['control', 'loops'])('killing %s costs no request, and is told', async (name) => {
    const load = traffic();
    await slipway.kill(name);
    const report = await load.stop();
    expect(report.failed).toBe(0);
    expect(report.sent).toBeGreaterThan(10);
    const told = async () =>
      (await slipway.api<{ entries: TimelineEntry[] }>('GET', '/api/timeline')).body.entries;
    const said = `${name} ended (SIGKILL) and is being replaced.`;
    await until(async () => (await told()).some(({ message }) => message === said), said);
  });

  test('a killed lane fails only what it had in flight, and is replaced', async () => {
    const load = traffic();
    await slipway.kill('lane-1');
    const report = await load.stop();
    expect(report.failed).toBeLessThanOrEqual(1);
    const { body } = await slipway.api<StatusView>('GET', '/api/status');
    expect(body.processes.find(({ name }) => name === 'lane-1')!.restarts).toBeGreaterThanOrEqual(1);
  });

  test('the replacement serves what was served, and every event is counted once', async () => {
    const { body } = await predict(0);
    expect((await slipway.label({ id: body.id, label: rows[0]!.label })).status).toBe(200);
    const counted = async () =>
      (await slipway.api<ModelView>('GET', '/api/models/electricity')).body.traffic.predictions;
    await until(async () => (await counted()) >= requests.answered, 'all answers to be counted');
    expect(await counted()).toBeLessThanOrEqual(requests.sent);
  });
});

describe('changes in force when they are answered', () => {
  test('promote and roll back: the next answer is the promoted version’s', async () => {
    expect((await slipway.deploy('electricity', model, { as: 'idle' })).body.version.version).toBe(2);
    const load = traffic();
    for (const [path, live] of [
      ['promote', 2],
      ['rollback', 1],
      ['promote', 2],
      ['rollback', 1],
    ] as const) {
      const { status, body } = await slipway.api<ChangeAnswer>(
        'POST',
        `/api/models/electricity/${path}`,
        path === 'promote' ? { version: 2 } : {},
      );
      expect({ status, live: body.live }).toEqual({ status: 200, live });
      expect(body.lanes).toBe(2);
      // Whatever lane answers.
      for (let i = 0; i < 8; i++) {
        expect((await slipway.predict('electricity', { features: rows[i]!.features })).body.version).toBe(
          live,
        );
      }
    }
    expect((await load.stop()).failed).toBe(0);
  });
});

test('a lane that was being replaced meanwhile never answers with what was live before', async () => {
  for (const [path, live] of [
    ['promote', 2],
    ['rollback', 1],
  ] as const) {
    const pid = await slipway.pidOf('lane-1');
    process.kill(pid, 'SIGKILL');
    const { status } = await slipway.api<ChangeAnswer>(
      'POST',
      `/api/models/electricity/${path}`,
      path === 'promote' ? { version: 2 } : {},
    );
    expect(status).toBe(200);
    const load = traffic();
    await slipway.pidOf('lane-1', pid);
    expect([...(await load.stop()).versions]).toEqual([live]);
  }
});

test('a graceful stop answers whoever goes on asking over a kept connection, and tells them that it ends', async () => {
  const agent = new Agent({ keepAlive: true });
  const body = JSON.stringify({ features: rows[0]!.features });
  const ask = () =>
    new Promise<string | undefined>((resolve, reject) => {
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      const url = new URL('/predict/electricity', slipway.dataPlane);
      const outgoing = request(url, { agent, method: 'POST', headers }, (response) => {
        response.resume();
        response.on('end', () => resolve(response.headers.connection));
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  const askUntilTold = async (): Promise<void> => {
    while ((await ask()) !== 'close');
  };
  const callers = Array.from({ length: 16 }, askUntilTold);
  await new Promise((resolve) => setTimeout(resolve, 200));
  await slipway.stop();
  expect(await Promise.allSettled(callers)).toEqual(
    callers.map(() => ({ status: 'fulfilled', value: undefined })),
  );
  agent.destroy();
  await slipway.start();
});

test('a graceful stop cuts no accepted request, and a start goes on where it ended', async () => {
  const answers = Array.from({ length: 20 }, (_, i) =>
    slipway.predict('electricity', { features: rows[i]!.features }),
  );
  const { body } = await answers[0]!;
  const [settled] = await Promise.all([Promise.allSettled(answers), slipway.stop()]);
  for (const one of settled) {
    expect(one).toMatchObject({ status: 'fulfilled', value: { status: 200 } });
  }
  await slipway.start();
  expect((await slipway.prediction(body.id)).features).toEqual(rows[0]!.features);
  expect((await slipway.label({ id: body.id, label: 1 })).status).toBe(200);
});

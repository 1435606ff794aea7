import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { status as grpcStatus, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DeployAnswer, FindingView, ModelView, TimelineEntry } from '../../src/api.ts';
import { GrpcClient } from '../grpc/client.ts';
import { attribute, message, node, value } from '../models/onnx/onnx-file.ts';
import { electricity, inRepository, Slipway, until } from './harness.ts';

/** An ONNX graph whose Loop runs as often as its input says: quick when asked kindly, endless when not. */
const loop = inRepository('spec/models/onnx_loop_from_input/model.onnx');
const steady = inRepository('examples/electricity/model.txt');
const [row] = electricity(0, 1);
const forEver = 1e15;
/** About a third of a second on an idle machine. */
const long = 200_000;
let slipway: Slipway;

beforeAll(async () => {
  slipway = await Slipway.start({ lanes: 2, heartbeatMs: 2000 });
  expect((await slipway.deploy('steady', steady)).status).toBe(201);
});
afterAll(() => slipway.end());

interface Outcome {
  id: string;
  version: number;
  prediction: number;
  error: { code: string; message: string; hint: string };
}
const ask = (model: string, rounds: number) =>
  slipway.predict<Outcome>(model, { features: { x: 0.5, rounds } });
const askSteady = () => slipway.predict<Outcome>('steady', { features: row!.features });
const timeline = async (model: string) =>
  (await slipway.api<{ entries: TimelineEntry[] }>('GET', `/api/timeline?model=${model}`)).body.entries;
const lanePids = async () => [await slipway.pidOf('lane-1'), await slipway.pidOf('lane-2')];

test('a graph with a Loop gets a process of its own, and its answers are journaled like any other', async () => {
  // Others may take the machine meanwhile: no call is late.
  const { body } = await slipway.deploy('loop', loop, { serving: { timeoutMs: 120_000 } });
  expect((body as DeployAnswer).version.gates.find(({ name }) => name === 'where it runs')?.detail).toContain(
    'in a process of its own: its Loop',
  );
  expect(await slipway.pidOf('scorer-loop-1')).toBeGreaterThan(0);
  const { status, body: answer } = await ask('loop', 10);
  expect(status).toBe(200);
  const kept = await slipway.prediction(answer.id);
  expect(kept.features).toEqual({ x: 0.5, rounds: 10 });
  expect(kept.answers[0]).toMatchObject({ version: 1, role: 'live' });
});

test('while it works on a long call, the lanes answer others', async () => {
  const done: string[] = [];
  const slow = Promise.all(
    Array.from({ length: 3 }, () => ask('loop', long).then(({ status }) => done.push(`slow ${status}`))),
  );
  for (let i = 0; i < 200; i++) {
    expect((await askSteady()).status).toBe(200);
    done.push('quick');
  }
  await slow;
  expect(done.filter((one) => one === 'slow 200')).toHaveLength(3);
  // A lane that worked on them would have answered nobody before all three of them.
  expect(done.indexOf('slow 200')).toBeGreaterThan(10);
});

test('one that is killed costs a lane one request; what had only waited is answered by the next', async () => {
  const [before, lanes] = [await slipway.pidOf('scorer-loop-1'), await lanePids()];
  const all = Array.from({ length: 8 }, () => ask('loop', long));
  // The next call has begun by then.
  await Promise.race(all);
  process.kill(before, 'SIGKILL');
  const statuses = (await Promise.all(all)).map(({ status, body }) =>
    status === 200 ? '200' : body.error.code,
  );
  const lost = statuses.filter((one) => one === 'SCORER_LOST').length;
  expect(lost).toBeGreaterThanOrEqual(1);
  expect(lost).toBeLessThanOrEqual(2);
  expect(statuses.filter((one) => one === '200')).toHaveLength(8 - lost);
  expect(await slipway.pidOf('scorer-loop-1', before)).not.toBe(before);
  expect(await lanePids()).toEqual(lanes);
  expect(
    (await timeline('loop')).some(({ message }) => message.includes('ended from outside (SIGKILL)')),
  ).toBe(true);
});

test('a call that never ends costs its caller a timeout, and the version a quarantine the second time', async () => {
  expect((await slipway.deploy('endless', loop, { serving: { timeoutMs: 500 } })).status).toBe(201);
  const lanes = await lanePids();
  const grpc = new GrpcClient(slipway.grpc);
  const first = await ask('endless', forEver);
  expect([first.status, first.body.error.code]).toEqual([504, 'TIMEOUT']);
  expect((await askSteady()).status).toBe(200);
  await until(
    async () => (await timeline('endless')).some(({ message }) => message.includes('did not answer for')),
    'the hung process to be killed',
  );
  await slipway.pidOf('scorer-endless-1');
  expect((await ask('endless', 10)).status).toBe(200);
  const tensor = (name: string, value: number) => ({
    name,
    datatype: 'FP32',
    shape: [1, 1],
    contents: { fp32_contents: [value] },
  });
  const request = { model_name: 'endless', inputs: [tensor('x', 0.5), tensor('rounds', forEver)] };
  const error: ServiceError = await grpc.ask('ModelInfer', request).then(
    () => Promise.reject(new Error('It was answered.')),
    (thrown) => thrown,
  );
  expect(error.code).toBe(grpcStatus.DEADLINE_EXCEEDED);
  grpc.close();
  const view = async () => (await slipway.api<ModelView>('GET', '/api/models/endless')).body;
  await until(async () => (await view()).versions[0]!.state === 'quarantined', 'the quarantine');
  const { body } = await slipway.api<{ findings: FindingView[] }>('GET', '/api/findings?model=endless');
  expect(body.findings).toHaveLength(1);
  expect(body.findings[0]).toMatchObject({ level: 'act', evidence: { stops: 2 } });
  expect(await ask('endless', 10)).toMatchObject({
    status: 503,
    body: { error: { code: 'NO_LIVE_VERSION', hint: expect.stringContaining('quarantined') } },
  });
  expect((await slipway.data('GET', '/v2/models/endless/ready')).status).toBe(503);
  // Another takes its place by being deployed.
  expect((await slipway.deploy('endless', loop)).status).toBe(201);
  expect((await ask('endless', 10)).body.version).toBe(2);
  expect((await view()).findings).toEqual([]);
  await until(
    () =>
      slipway.processNamed('scorer-endless-1').then(
        () => false,
        () => true,
      ),
    'its process to be gone',
  );
  expect(await lanePids()).toEqual(lanes);
});

test('a caller’s own deadline is kept, and is no fault of the version', async () => {
  const pid = await slipway.pidOf('scorer-loop-1');
  const { status, body } = await slipway.data<{ error: string }>('POST', '/v2/models/loop/infer', {
    inputs: [
      { name: 'x', datatype: 'FP32', shape: [1, 1], data: [0.5] },
      { name: 'rounds', datatype: 'FP32', shape: [1, 1], data: [long] },
    ],
    parameters: { timeout: 50_000 },
  });
  expect(status).toBe(504);
  expect(body.error).toMatch(/^TIMEOUT: /);
  expect((await ask('loop', 10)).status).toBe(200);
  expect(await slipway.pidOf('scorer-loop-1')).toBe(pid);
});

test('a native fault is contained, counted, and quarantined the second time: the one before it is live again', async () => {
  expect((await slipway.deploy('faulty', loop)).status).toBe(201);
  expect((await slipway.deploy('faulty', loop, { as: 'live' })).status).toBe(201);
  const lanes = await lanePids();
  for (let times = 0; times < 2; times++) {
    const pid = await slipway.pidOf('scorer-faulty-2');
    process.kill(pid, 'SIGSEGV');
    await until(
      async () =>
        (await timeline('faulty')).filter(({ message }) => message.includes('(SIGSEGV)')).length > times,
      'the fault to be noted',
    );
  }
  await until(
    async () => (await slipway.api<ModelView>('GET', '/api/models/faulty')).body.live === 1,
    'the version before it to be live',
  );
  expect((await ask('faulty', 10)).body.version).toBe(1);
  expect(await lanePids()).toEqual(lanes);
});

test('it drops no request when it is promoted, and when another takes its place', async () => {
  expect((await slipway.deploy('swapped', loop)).status).toBe(201);
  expect((await slipway.deploy('swapped', loop)).status).toBe(201);
  let stop = false;
  const outcomes = new Map<string, number>();
  const client = async (): Promise<void> => {
    while (!stop) {
      const { status, body } = await ask('swapped', 100);
      const outcome = status === 200 ? `version ${body.version}` : body.error.code;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
  };
  const clients = Array.from({ length: 4 }, client);
  for (const version of [2, 1, 2]) {
    const before = outcomes.get(`version ${version}`) ?? 0;
    const { status } = await slipway.api('POST', '/api/models/swapped/promote', { version });
    expect(status).toBe(200);
    await until(
      () => (outcomes.get(`version ${version}`) ?? 0) > before + 10,
      `version ${version} to answer`,
    );
  }
  stop = true;
  await Promise.all(clients);
  expect([...outcomes.keys()].sort()).toEqual(['version 1', 'version 2']);
});

test('more than it can answer in time is refused at once', async () => {
  expect((await slipway.deploy('busy', loop, { serving: { timeoutMs: 4000 } })).status).toBe(201);
  // About a tenth of a second each, and far more than fit into four seconds: first by one, so that the lanes know it.
  const all = [await ask('busy', 70_000), await ask('busy', 70_000), await ask('busy', 70_000)];
  all.push(...(await Promise.all(Array.from({ length: 600 }, () => ask('busy', 70_000)))));
  const codes = all.map(({ status, body }) => (status === 200 ? '200' : body.error.code));
  expect(codes).toContain('200');
  // Another lane would ask the same process.
  const refused = all.find(({ body }) => body.error?.code === 'OVERLOADED')!.body.error;
  expect(refused.hint).toContain('fewer rows');
  expect(refused.hint).not.toContain('--lanes');
});

test('control may go and come back: the scorers stay', async () => {
  const pid = await slipway.pidOf('scorer-loop-1');
  await slipway.kill('control');
  expect((await ask('loop', 10)).status).toBe(200);
  expect(await slipway.pidOf('scorer-loop-1')).toBe(pid);
});

test('what one lost while control was away is counted when it is back, and once', async () => {
  expect((await slipway.deploy('unseen', loop)).status).toBe(201);
  const control = await slipway.pidOf('control');
  const scorer = await slipway.pidOf('scorer-unseen-1');
  const noted = async () =>
    (await timeline('unseen')).filter(({ message }) => message.includes('(SIGSEGV)')).length;
  process.kill(control, 'SIGSTOP');
  process.kill(scorer, 'SIGSEGV');
  // Another has taken its place: the supervisor has seen it go, and told a control that does not hear it any more.
  await until(async () => (await ask('unseen', 10)).status === 200, 'the next scorer to answer');
  process.kill(control, 'SIGKILL');
  await slipway.pidOf('control', control);
  await until(async () => (await noted()) > 0, 'it to be noted');
  await slipway.kill('control');
  process.kill(await slipway.pidOf('scorer-unseen-1', scorer), 'SIGSEGV');
  const findings = async () =>
    (await slipway.api<{ findings: FindingView[] }>('GET', '/api/findings?model=unseen')).body.findings;
  await until(async () => (await findings()).length > 0, 'the quarantine');
  expect(await findings()).toMatchObject([{ evidence: { stops: 2 } }]);
  expect(await noted()).toBe(2);
});

test('one that takes too much memory is replaced, which the timeline says, and is not quarantined', async () => {
  const own = await Slipway.start({ scorerMemory: 500e6 });
  try {
    // As many values as the caller says, which onnxruntime keeps the memory of.
    const graph = message(
      node(
        'ReduceMax',
        ['X'],
        ['m'],
        attribute('axes', [8, 0], [20, 7]),
        attribute('keepdims', [3, 0], [20, 2]),
      ),
      node('Abs', ['m'], ['a']),
      node('Cast', ['a'], ['n'], attribute('to', [3, 7], [20, 2])),
      node('ConstantOfShape', ['n'], ['many']),
      node('ReduceSum', ['many'], ['zero']),
      node('Add', ['X', 'zero'], ['Y']),
      [2, 'g'],
      value(11, 'X', 1),
      value(12, 'Y', 1),
    );
    const file = join(own.folder, 'many.onnx');
    writeFileSync(file, message([1, 8], [7, graph], [8, message([2, 12])]));
    const { body } = await own.deploy('many', file);
    expect(body.version.gates.find(({ name }) => name === 'where it runs')?.detail).toContain(
      'ConstantOfShape',
    );
    const pid = await own.pidOf('scorer-many-1');
    const { status } = await own.predict('many', { features: { X: 200e6 } });
    // It may be noticed before the answer is there.
    expect([200, 503]).toContain(status);
    expect(await own.pidOf('scorer-many-1', pid)).not.toBe(pid);
    const { entries } = (await own.api<{ entries: TimelineEntry[] }>('GET', '/api/timeline?model=many')).body;
    expect(entries.some(({ message: said }) => said.includes('needed more than 500 MB'))).toBe(true);
    expect((await own.predict('many', { features: { X: 3 } })).status).toBe(200);
  } finally {
    await own.end();
  }
});

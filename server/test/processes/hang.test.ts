import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FindingView, ModelView, TimelineEntry } from '../../src/api.ts';
import { inRepository, Slipway, until } from './harness.ts';

/** An ONNX graph whose Loop runs as often as its input says: quick when asked kindly, endless when not. */
const loop = inRepository('spec/models/onnx_loop_from_input/model.onnx');
const steady = inRepository('examples/electricity/model.txt');
const forEver = 1e15;
let slipway: Slipway;

beforeAll(async () => {
  slipway = await Slipway.start({ lanes: 2, heartbeatMs: 2000 });
  expect((await slipway.deploy('steady', steady)).status).toBe(201);
  expect((await slipway.deploy('loop', loop)).status).toBe(201);
});
afterAll(() => slipway.end());

const ask = (rounds: number) => slipway.predict('loop', { features: { x: 0.5, rounds } });

test('a version that hangs a lane twice is quarantined, with a finding; other models go on', async () => {
  expect((await ask(10)).status).toBe(200);
  const isQuarantined = async () =>
    (await slipway.api<ModelView>('GET', '/api/models/loop')).body.versions[0]!.state === 'quarantined';
  let failed = 0;
  // A request also fails when it meets a lane that was ended for another reason: that is no hang, and is asked again.
  while (!(await isQuarantined())) {
    const isAnswered = await ask(forEver).then(
      () => true,
      () => false,
    );
    if (!isAnswered) failed++;
  }
  expect(failed).toBeGreaterThanOrEqual(2);
  await until(async () => (await restarts()) >= 2, 'the hung lanes to be replaced');
  const { body: answer } = await slipway.predict<{ error: { code: string } }>('loop', {
    features: { x: 0.5, rounds: 1 },
  });
  expect(answer.error.code).toMatch(/MODEL_NOT_FOUND|VERSION_QUARANTINED/);
  const { body } = await slipway.api<{ entries: TimelineEntry[] }>('GET', '/api/timeline?model=loop');
  expect(body.entries.some((entry) => entry.kind === 'quarantine' && entry.level === 'act')).toBe(true);
  const findings = await slipway.api<{ findings: FindingView[] }>('GET', '/api/findings?model=loop');
  expect(findings.body.findings.some((finding) => finding.level === 'act')).toBe(true);
  expect((await slipway.data('GET', '/v2/models/steady/ready')).status).toBe(200);
});

async function restarts(): Promise<number> {
  const all = await Promise.all(['lane-1', 'lane-2'].map((name) => slipway.processNamed(name)));
  return all.reduce((sum, one) => sum + (one.state === 'ready' ? one.restarts : -1000), 0);
}

import { Agent, request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { electricity, inRepository, Slipway } from '../../processes/harness.ts';
import { seeded } from '../../stats/seeded.ts';
import { damaged } from '../damaged.ts';

/** Damaged requests to control: each gets an answer that blames its sender, and control lives on. */
const cases = Number(process.env.FUZZ_CASES ?? 2000);
let slipway: Slipway;
let agent: Agent;
let prediction: string;

beforeAll(async () => {
  slipway = await Slipway.start();
  await slipway.deploy('electricity', inRepository('examples/electricity/model.txt'));
  const { features } = electricity(9062, 9063)[0]!;
  ({ id: prediction } = (await slipway.predict('electricity', { features })).body);
  agent = new Agent({ keepAlive: true, maxSockets: 8 });
});
afterAll(async () => {
  agent.destroy();
  await slipway.end();
});

const digest = 'a'.repeat(64);
const model = '/api/models/electricity';
const serving = {
  batching: { maxSize: 8, preferredSizes: [4], maxDelayMs: 1, priorityLevels: 2, defaultPriority: 1 },
  cacheBytes: 1e6,
  timeoutMs: 1000,
};
/** Bodies that are sound, or miss only what there is. */
const bodies: [method: string, path: string, body: unknown][] = [
  [
    'POST',
    `${model}/versions`,
    { file: { name: 'model.txt', digest }, as: 'live', golden: { name: 'g', digest } },
  ],
  ['POST', `${model}/promote`, { version: 1, reason: 'because' }],
  ['POST', `${model}/rollback`, { reason: 'because' }],
  ['POST', `${model}/rollouts`, { candidate: 2, alpha: 0.05, leastPairs: 100, margin: 0.01 }],
  ['PATCH', `${model}/versions/1/serving`, serving],
  ['PUT', '/api/uploads', { any: 'bytes' }],
];
/** What callers choose in a path, between braces. */
const paths = [
  '/api/models/{electricity}',
  '/api/models/{electricity}/versions/{1}',
  '/api/models/{electricity}/versions/{1}/drift',
  '/api/models/{electricity}/accuracy?windows={10}&from={0}&to={1e12}&edges={2}',
  '/api/models/{electricity}/rollouts',
  '/api/timeline?model={electricity}&limit={10}&before={5}',
  '/api/findings?model={electricity}',
  '/api/predictions?model={electricity}&key={k}&subject={s}&limit={10}',
  '/api/predictions/{id}',
  '/api/predictions/{id}/reproduction',
];

function send(method: string, path: string, body: Buffer | null, headers = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request(`${slipway.control}${path}`, { method, agent, headers }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode!));
    });
    outgoing.on('error', reject);
    outgoing.end(body ?? undefined);
  });
}

test(`${cases} damaged bodies and paths: 2xx or 4xx, never anything else`, async () => {
  const { pid } = await slipway.processNamed('control');
  const random = seeded(24);
  const pick = <T>(of: T[]): T => of[Math.floor(random() * of.length)]!;
  const types = ['application/json', 'application/octet-stream', 'multipart/form-data; boundary=x', ''];
  const seen = new Map<string, number>();
  for (let i = 0; i < cases; i++) {
    let code: number;
    if (i % 2 === 0) {
      const [method, path, body] = bodies[(i / 2) % bodies.length]!;
      const fitting = types[path === '/api/uploads' ? 1 : 0]!;
      const type = random() < 0.1 ? pick(types) : fitting;
      const bytes = damaged(Buffer.from(JSON.stringify(body)), random);
      code = await send(method, path, bytes, { 'content-type': type });
    } else {
      const path = pick(paths).replaceAll(/\{([^}]*)\}/g, (_all, text: string) => {
        const value = Buffer.from(text === 'id' ? prediction : text);
        const given = random() < 0.6 ? damaged(value, random) : value;
        return [...given].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
      });
      code = await send('GET', path, null);
    }
    const kind = `${Math.floor(code / 100)}xx`;
    seen.set(kind, (seen.get(kind) ?? 0) + 1);
    if (kind !== '2xx' && kind !== '4xx') expect.fail(`case ${i} got ${code}`);
  }
  // It did reach what it was meant to reach.
  for (const kind of ['2xx', '4xx']) expect(seen.get(kind)).toBeGreaterThan(cases / 20);
  expect((await slipway.processNamed('control')).pid).toBe(pid);
  expect((await slipway.api('GET', '/api/models/electricity')).status).toBe(200);
});

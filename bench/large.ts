import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { modelInferRequest } from '../server/src/oip/infer-message.ts';
import { seeded } from '../server/test/models/forest/random-forest.ts';
import { type Answer, closedLoop, type Load, quantile, type Shot } from './load.ts';
import { fireGrpc, grpcFrame } from './load-grpc.ts';
import { SlipwayProcess } from './slipway.ts';

/**
 * Whether large bodies hold a lane up: a steady light load of one-row requests, alone and beside a client that sends one
 * large body after another, by turns in windows; per kind of body the longest turn of the lane's event loop (CPU of its
 * thread, so that neighbours do not count), p99 of the small requests, and what the large ones take. Every small answer
 * is compared, every large one must be whole.
 *
 *   node bench/large.ts      ROUNDS=3 SECONDS=4: windows of each, and their length; MEGABYTES=0.2,1,8,60
 */
const rounds = Number(process.env.ROUNDS ?? 3);
const seconds = Number(process.env.SECONDS ?? 4);
/** Callers of small requests, and how long each waits between two, ms. */
const callers = 2;
const pauseMs = 4;
const small = fileURLToPath(new URL('./logit-30.json', import.meta.url));
const names = (JSON.parse(readFileSync(small, 'utf8')) as { features: string[] }).features;
const width = names.length;
const megabytes = (process.env.MEGABYTES ?? '0.2,1,8,60').split(',').map(Number);
/** More are refused, and 60 MB of tensors would be more. */
const mostRows = 60_000;

interface Large {
  protocol: 'http' | 'grpc';
  path: string;
  file: string;
  headers: Record<string, string>;
  rows: number;
}

if (process.argv[2] === 'send') sender(Number(process.argv[3]), Number(process.argv[4]));
else await bench();

async function bench(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-large-'));
  const probe = join(folder, 'probe');
  writeFileSync(probe, '');
  process.env.LOOP_PROBE = probe;
  process.env.NODE_OPTIONS = `--import=${new URL('./loop-probe.ts', import.meta.url).href}`;
  const slipway = await SlipwayProcess.start();
  delete process.env.NODE_OPTIONS;
  const child = fork(fileURLToPath(import.meta.url), [
    'send',
    String(slipway.port),
    String(slipway.grpcPort),
  ]);
  try {
    await slipway.deploy('small', small);
    const shots = smallShots();
    await light(slipway.port, shots, 2);
    const spans: { name: string; from: number; to: number }[] = [];
    const window = async (name: string): Promise<Load> => {
      const from = Date.now();
      const load = await light(slipway.port, shots, seconds);
      if (load.wrong > 0) throw new Error(load.firstWrong!);
      spans.push({ name, from, to: Date.now() });
      return load;
    };
    const said: { name: string; line: string }[] = [];
    for (const { name, large } of bodies(folder, await inputOf(slipway.port))) {
      const p99 = { quiet: [] as number[], beside: [] as number[] };
      const took: number[] = [];
      for (let round = 0; round < rounds; round++) {
        p99.quiet.push(quantile((await window('none')).latencies, 0.99));
        child.send({ large, seconds });
        p99.beside.push(quantile((await window(name)).latencies, 0.99));
        took.push(...(await heard<number[]>(child)));
      }
      const [quiet, beside] = [median(p99.quiet), median(p99.beside)];
      said.push({
        name,
        line: `p99 of small requests ${quiet.toFixed(2)} → ${beside.toFixed(2)} ms; a large one takes ${median(took).toFixed(0)} ms (${took.length} of ${large.rows} rows)`,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, 700));
    const turns = readFileSync(probe, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(' ').map(Number));
    for (const { name, line } of [{ name: 'none', line: '' }, ...said]) {
      const of = spans.filter((span) => span.name === name);
      const seen = turns
        .filter(([at]) => of.some(({ from, to }) => at! >= from && at! <= to))
        .map(([, cpu]) => cpu!)
        .sort((a, b) => b - a);
      const over = seen.filter((cpu) => cpu > 5).length;
      console.log(
        `${name.padEnd(20)} longest turn ${(seen[0] ?? 0).toFixed(1)} ms, over 5 ms: ${over}; ${line}`,
      );
    }
  } finally {
    child.kill();
    await slipway.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function smallShots(): Shot[] {
  const random = seeded(1);
  return Array.from({ length: 2000 }, () => {
    let known: number | null = null;
    return {
      bytes: Buffer.from(JSON.stringify({ features: features(random) })),
      check: ({ body }) => {
        const { probabilities } = JSON.parse(body.toString()) as {
          probabilities: { [label: string]: number };
        };
        const [p] = Object.values(probabilities);
        known ??= p!;
        if (p !== known) throw new Error('Another answer to the same row');
      },
    };
  });
}

/** A light load: `bytes` of a shot are its body. */
function light(port: number, shots: Shot[], long: number): Promise<Load> {
  const agent = new Agent({ keepAlive: true });
  return closedLoop(shots, callers, long, async (loop) => {
    for (let shot = loop.next(); shot; shot = loop.next()) {
      const sent = performance.now();
      const asked = request({ agent, port, path: '/predict/small', method: 'POST' });
      asked.end(shot.bytes);
      const [response] = (await once(asked, 'response')) as [IncomingMessage];
      const body = Buffer.concat(await response.toArray());
      loop.answered(shot, sent, response.statusCode === 200, { head: String(response.statusCode), body });
      await pause(pauseMs);
    }
  }).finally(() => agent.destroy());
}

async function inputOf(port: number): Promise<{ name: string; datatype: string }> {
  const answer = await fetch(`http://127.0.0.1:${port}/v2/models/small`);
  return ((await answer.json()) as { inputs: { name: string; datatype: string }[] }).inputs[0]!;
}

/** Of each size every protocol's body, written to a file for the client to read. */
function* bodies(
  folder: string,
  { name, datatype }: { name: string; datatype: string },
): Generator<{ name: string; large: Large }> {
  const random = seeded(2);
  const numbers = (): number[] => Object.values(features(random));
  const infer = '/v2/models/small/infer';
  const bytesOf = datatype === 'FP64' ? 8 : 4;
  for (const size of megabytes) {
    const rowsOf = (bytes: number): number => Math.min(mostRows, Math.floor((size * 1e6) / bytes));
    const listOf = (rows: number, one: () => unknown): string =>
      Array.from({ length: rows }, () => JSON.stringify(one())).join();
    const made = (
      kind: string,
      body: Uint8Array | string,
      large: Partial<Large> & Pick<Large, 'path' | 'rows'>,
    ) => {
      const file = join(folder, `${kind.replace('/', '')}-${size}`);
      writeFileSync(file, body);
      const shown = `${kind}, ${(readFileSync(file).length / 1e6).toFixed(1)} MB`;
      return { name: shown, large: { protocol: 'http', headers: {}, file, ...large } as Large };
    };
    const named = rowsOf(JSON.stringify(features(random)).length);
    const text = `{"rows":[${listOf(named, () => features(random))}]}`;
    yield made('/predict', text, { path: '/predict/small', rows: named });
    const rows = rowsOf(JSON.stringify(numbers()).length);
    const data = listOf(rows, numbers);
    const tensor = `"name":"${name}","datatype":"${datatype}","shape":[${rows},${width}]`;
    yield made('OIP JSON', `{"inputs":[{${tensor},"data":[${data}]}]}`, { path: infer, rows });
    yield made('KServe v1', `{"instances":[${data}]}`, { path: '/v1/models/small:predict', rows });
    const packed = rowsOf(bytesOf * width);
    const flat = Array.from({ length: packed }, numbers).flat();
    const raw = new Uint8Array((bytesOf === 8 ? new Float64Array(flat) : new Float32Array(flat)).buffer);
    const input = { name, datatype, shape: [packed, width] };
    const head = JSON.stringify({ inputs: [{ ...input, parameters: { binary_data_size: raw.length } }] });
    yield made('OIP bytes', Buffer.concat([Buffer.from(head), raw]), {
      path: infer,
      headers: { 'inference-header-content-length': String(head.length) },
      rows: packed,
    });
    const message = modelInferRequest.encode({
      model_name: 'small',
      model_version: '',
      id: '',
      parameters: {},
      inputs: [{ ...input, parameters: {}, contents: null }],
      outputs: [],
      raw_input_contents: [raw],
    });
    const path = '/inference.GRPCInferenceService/ModelInfer';
    yield made('gRPC', grpcFrame(message), { protocol: 'grpc', path, rows: packed });
  }
}

function features(random: () => number): Record<string, number> {
  return Object.fromEntries(names.map((name) => [name, random()]));
}

/** The client of large bodies, a process of its own: one after another for as long as it is told, then says what each took, ms. */
function sender(httpPort: number, grpcPort: number): void {
  process.on('message', async ({ large, seconds: long }: { large: Large; seconds: number }) => {
    const body = readFileSync(large.file);
    const took: number[] = [];
    for (const end = performance.now() + long * 1000; performance.now() < end; ) {
      const since = performance.now();
      if (large.protocol === 'http') await send(httpPort, large, body);
      else await sendMessage(grpcPort, large, body);
      took.push(performance.now() - since);
    }
    process.send!(took);
  });
}

/** An id a row is in every answer. */
const leastBytes = 36;

async function send(port: number, { path, headers, rows }: Large, body: Buffer): Promise<void> {
  const length = { 'content-length': body.length };
  const asked = request({ port, path, method: 'POST', headers: { ...headers, ...length } });
  asked.end(body);
  const [response] = await once(asked, 'response');
  let size = 0;
  let start = '';
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (size === 0) start = chunk.toString('latin1', 0, 300);
    size += chunk.length;
  }
  if (response.statusCode !== 200 || size < leastBytes * rows)
    throw new Error(`${response.statusCode}: ${start}`);
}

async function sendMessage(port: number, { path, rows }: Large, bytes: Buffer): Promise<void> {
  const check = ({ body }: Answer): void => {
    if (body.length < leastBytes * rows) throw new Error('It is not whole');
  };
  const { firstWrong } = await fireGrpc(port, path, [{ bytes, check }], 1, 0.001);
  if (firstWrong) throw new Error(firstWrong);
}

async function heard<T>(child: ChildProcess): Promise<T> {
  const lost = new AbortController();
  const message = once(child, 'message', { signal: lost.signal });
  const gone = once(child, 'exit', { signal: lost.signal }).then(() => {
    throw new Error('The client of large bodies has ended');
  });
  try {
    return ((await Promise.race([message, gone])) as [T])[0];
  } finally {
    lost.abort();
    message.catch(() => {});
    gone.catch(() => {});
  }
}

function median(values: number[]): number {
  return quantile(Float64Array.from(values).sort(), 0.5);
}

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { DeployAnswer, DeployRequest, StatusView } from '../../src/api.ts';
import type { PredictionView } from '../../src/api-predictions.ts';
import { type Config, defaultConfig } from '../../src/processes/config.ts';
import { type Running, startSupervisor } from '../../src/processes/supervisor.ts';

export interface Answer<T> {
  status: number;
  body: T;
}

/** A real Slipway in a temporary folder: every process, every socket, the ports chosen by the system. */
export class Slipway {
  readonly folder: string;
  readonly #config: Config;
  #running: Running | null = null;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });

  private constructor(config: Partial<Config>) {
    this.folder = config.data ?? mkdtempSync(join(tmpdir(), 'slipway-test-'));
    this.#config = {
      ...defaultConfig,
      // Tests share two cores with each other: only a hang is a hang.
      heartbeatMs: 10_000,
      candidateMs: 30_000,
      logLevel: 'error',
      port: 0,
      grpcPort: 0,
      controlPort: 0,
      ...config,
      data: this.folder,
    };
  }

  static async start(config: Partial<Config> = {}): Promise<Slipway> {
    const slipway = new Slipway(config);
    await slipway.start();
    return slipway;
  }

  async start(): Promise<void> {
    this.#running = await startSupervisor(this.#config);
  }

  get dataPlane(): string {
    return this.#running!.dataPlane;
  }

  /** host:port */
  get grpc(): string {
    return this.#running!.grpc;
  }

  get control(): string {
    return this.#running!.control;
  }

  async stop(): Promise<void> {
    await this.#running?.stop();
    this.#running = null;
  }

  async end(): Promise<void> {
    await this.stop();
    this.#agent.destroy();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async deploy(
    model: string,
    file: string,
    options: Partial<Omit<DeployRequest, 'file' | 'baseline' | 'golden'>> & {
      baseline?: string;
      golden?: string;
    } = {},
  ): Promise<Answer<DeployAnswer>> {
    const { baseline, golden, ...rest } = options;
    const body: DeployRequest = {
      ...rest,
      file: await this.upload(file),
      ...(baseline ? { baseline: await this.upload(baseline) } : {}),
      ...(golden ? { golden: await this.upload(golden) } : {}),
    };
    return this.api('POST', `/api/models/${model}/versions`, body);
  }

  async upload(file: string): Promise<{ name: string; digest: string }> {
    const { body } = await this.#send<{ digest: string }>(
      new URL('/api/uploads', this.control),
      'PUT',
      readFileSync(file),
      'application/octet-stream',
    );
    return { name: basename(file), digest: body.digest };
  }

  predict<T = { id: string; version: number; prediction: number; probabilities: Record<string, number> }>(
    model: string,
    body: unknown,
  ): Promise<Answer<T>> {
    return this.#send(new URL(`/predict/${model}`, this.dataPlane), 'POST', JSON.stringify(body));
  }

  label(body: unknown, wait = true): Promise<Answer<{ accepted: number }>> {
    return this.#send(
      new URL(`/labels${wait ? '?wait=served' : ''}`, this.dataPlane),
      'POST',
      JSON.stringify(body),
    );
  }

  data<T>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
    return this.#send(
      new URL(path, this.dataPlane),
      method,
      body === undefined ? undefined : JSON.stringify(body),
    );
  }

  api<T>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
    return this.#send(
      new URL(path, this.control),
      method,
      body === undefined ? undefined : JSON.stringify(body),
    );
  }

  /** What is sent next is sent on a new connection: the system gives it to any lane. */
  reconnect(): void {
    this.#agent.destroy();
  }

  async prediction(id: string): Promise<PredictionView> {
    return (await this.api<PredictionView>('GET', `/api/predictions/${id}`)).body;
  }

  /** Kills a process as the kernel would, and waits until another has taken its place. */
  async kill(name: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const pid = await this.pidOf(name);
    process.kill(pid, signal);
    await this.pidOf(name, pid);
  }

  /** Of a process that is ready, and not the one with pid `before`. One that is being replaced has pid 0, which is the whole group of whoever kills. */
  async pidOf(name: string, before = 0): Promise<number> {
    let pid = 0;
    await until(async () => {
      const now = await this.processNamed(name).catch(() => null);
      if (now === null || now.state !== 'ready' || now.pid === before) return false;
      pid = now.pid;
      return pid > 0;
    }, `${name} to be ready`);
    return pid;
  }

  async processNamed(name: string): Promise<StatusView['processes'][number]> {
    const { body } = await this.api<StatusView>('GET', '/api/status');
    const found = body.processes.find((one) => one.name === name);
    if (!found) throw new Error(`No process "${name}".`);
    return found;
  }

  #send<T>(url: URL, method: string, body?: string | Buffer, type = 'application/json'): Promise<Answer<T>> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        url,
        {
          method,
          agent: this.#agent,
          headers:
            body === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(body) },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            let parsed: unknown = text;
            try {
              parsed = JSON.parse(text);
            } catch {
              // Text answers (metrics, pages) are given as they are.
            }
            resolve({ status: response.statusCode ?? 0, body: parsed as T });
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }
}

/** Waits for something that must come true; the bound is for a broken build, not for a slow machine. */
export async function until(
  holds: () => Promise<boolean> | boolean,
  what: string,
  boundMs = 300_000,
): Promise<void> {
  const end = Date.now() + boundMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`Waited ${boundMs} ms for ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The repository's folder with this name. */
export function inRepository(path: string): string {
  return new URL(`../../../${path}`, import.meta.url).pathname;
}

/** Rows of examples/electricity/elec.csv: named features and the label, in stream order. */
export function electricity(from: number, to: number): { features: Record<string, number>; label: number }[] {
  const [header, ...lines] = readFileSync(inRepository('examples/electricity/elec.csv'), 'utf8')
    .trimEnd()
    .split('\n');
  const names = header!.split(',');
  return lines.slice(from, to).map((line) => {
    const values = line.split(',').map(Number);
    return {
      features: Object.fromEntries(names.slice(0, -1).map((name, i) => [name, values[i]!])),
      label: values.at(-1)!,
    };
  });
}

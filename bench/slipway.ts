import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { DeployRequest, StatusView } from '../server/src/api.ts';
import type { ServingRequest } from '../server/src/api-serving.ts';
import type { ModelStatistics } from '../server/src/oip/statistics.ts';
import { inRepository } from '../server/test/processes/harness.ts';
import { cpuSeconds } from './process-cpu.ts';

/** `slipway serve` as a user starts it, in processes of its own. */
export class SlipwayProcess {
  /** What is started: the clone's source, or something else that takes the same words. */
  static program = inRepository('server/bin/slipway.js');
  #child: ChildProcess;
  readonly #data: string;
  readonly #options: string[];
  /** HTTP of the lanes, and gRPC. */
  port = 0;
  grpcPort = 0;
  #control = '';

  private constructor(child: ChildProcess, data: string, options: string[]) {
    this.#child = child;
    this.#data = data;
    this.#options = options;
  }

  static async start(...options: string[]): Promise<SlipwayProcess> {
    const data = mkdtempSync(join(tmpdir(), 'slipway-bench-'));
    const slipway = new SlipwayProcess(spawned(data, options), data, options);
    await slipway.#isUp();
    return slipway;
  }

  /** Stops it, and starts it again on the same folder, which is when `onStart` is called. */
  async restart(onStart: () => void): Promise<void> {
    await this.#end();
    onStart();
    this.#child = spawned(this.#data, this.#options);
    await this.#isUp();
  }

  async #isUp(): Promise<void> {
    const [said] = (await once(this.#child.stdout!.setEncoding('utf8'), 'data')) as [string];
    const { dataPlane, grpc, control } = JSON.parse(said) as Addresses;
    this.port = Number(new URL(dataPlane).port);
    this.grpcPort = Number(grpc.split(':').at(-1));
    this.#control = control;
  }

  /** Registers a file as a model's version and makes it live. */
  async deploy(model: string, file: string, baseline?: { file: string; label: string }): Promise<void> {
    const request: DeployRequest = {
      file: await this.#upload(file),
      as: 'live',
      ...(baseline ? { baseline: await this.#upload(baseline.file), label: baseline.label } : {}),
    };
    await this.change(`/api/models/${model}/versions`, request);
  }

  /** POST to control. Throws what it refuses. */
  change(path: string, body: object): Promise<unknown> {
    return this.#ask('POST', path, JSON.stringify(body), 'application/json');
  }

  async metrics(): Promise<string> {
    return (await fetch(new URL('/metrics', this.#control))).text();
  }

  /** Serves a model's first version otherwise. */
  async tune(model: string, serving: ServingRequest): Promise<void> {
    const path = `/api/models/${model}/versions/1/serving`;
    await this.#ask('PATCH', path, JSON.stringify(serving), 'application/json');
  }

  /** Calls of a model that have answered so far, and the rows in them. */
  async executions(model: string): Promise<{ calls: number; rows: number }> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/v2/models/${model}/stats`);
    const { model_stats } = (await answer.json()) as { model_stats: ModelStatistics[] };
    const { execution_count, inference_count } = model_stats[0]!;
    return { calls: execution_count, rows: inference_count };
  }

  async #upload(file: string): Promise<{ name: string; digest: string }> {
    const { digest } = (await this.#ask(
      'PUT',
      '/api/uploads',
      readFileSync(file),
      'application/octet-stream',
    )) as {
      digest: string;
    };
    return { name: basename(file), digest };
  }

  async #ask(
    method: string,
    path: string,
    body?: string | Uint8Array<ArrayBuffer>,
    type?: string,
  ): Promise<unknown> {
    const answer = await fetch(new URL(path, this.#control), {
      method,
      ...(body === undefined ? {} : { body, headers: { 'content-type': type! } }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`);
    return answer.json();
  }

  async processes(): Promise<StatusView['processes']> {
    return ((await this.#ask('GET', '/api/status')) as StatusView).processes;
  }

  /** CPU seconds so far: of all processes, and of the lanes among them. */
  async cpu(): Promise<{ all: number; lanes: number }> {
    let [all, lanes] = [cpuSeconds(this.#child.pid!), 0];
    for (const { name, pid } of await this.processes()) {
      const used = pid === this.#child.pid ? 0 : cpuSeconds(pid);
      all += used;
      if (name.startsWith('lane-')) lanes += used;
    }
    return { all, lanes };
  }

  /** The datatype of a model's one input. */
  async datatype(model: string): Promise<string> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/v2/models/${model}`);
    return ((await answer.json()) as { inputs: { datatype: string }[] }).inputs[0]!.datatype;
  }

  /** Waits until the loops have folded so many rows of a model. Throws if it becomes another number. */
  async counted(model: string, rows: number): Promise<void> {
    let counted = -1;
    for (let look = 0; look < 600 && counted !== rows; look++) {
      if (look > 0) await pause(100);
      const view = (await this.#ask('GET', `/api/models/${model}`)) as { traffic: { predictions: number } };
      counted = view.traffic.predictions;
    }
    if (counted !== rows)
      throw new Error(`${model}: answered ${rows} rows, journaled and folded ${counted}. Figures void.`);
  }

  async stop(): Promise<void> {
    await this.#end();
    rmSync(this.#data, { recursive: true, force: true });
  }

  async #end(): Promise<void> {
    this.#child.kill('SIGTERM');
    await once(this.#child, 'exit');
  }
}

function spawned(data: string, options: string[]): ChildProcess {
  const ports = ['--port', '0', '--grpc-port', '0', '--control-port', '0'];
  return spawn(
    process.execPath,
    [SlipwayProcess.program, 'serve', '--json', '--data', data, ...ports, ...options],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
}

interface Addresses {
  dataPlane: string;
  /** host:port */
  grpc: string;
  control: string;
}

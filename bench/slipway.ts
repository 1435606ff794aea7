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
  readonly #child: ChildProcess;
  readonly #data: string;
  /** HTTP of the lanes, and gRPC. */
  readonly port: number;
  readonly grpcPort: number;
  readonly #control: string;

  private constructor(child: ChildProcess, data: string, addresses: Addresses) {
    this.#child = child;
    this.#data = data;
    this.port = Number(new URL(addresses.dataPlane).port);
    this.grpcPort = Number(addresses.grpc.split(':').at(-1));
    this.#control = addresses.control;
  }

  static async start(...options: string[]): Promise<SlipwayProcess> {
    const data = mkdtempSync(join(tmpdir(), 'slipway-bench-'));
    const command = inRepository('server/bin/slipway.js');
    const ports = ['--port', '0', '--grpc-port', '0', '--control-port', '0'];
    const child = spawn(
      process.execPath,
      [command, 'serve', '--json', '--data', data, ...ports, ...options],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const [said] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
    return new SlipwayProcess(child, data, JSON.parse(said) as Addresses);
  }

  /** Registers a file as a model's version and makes it live. */
  async deploy(model: string, file: string, baseline?: { file: string; label: string }): Promise<void> {
    const request: DeployRequest = {
      file: await this.#upload(file),
      ...(baseline ? { baseline: await this.#upload(baseline.file), label: baseline.label } : {}),
    };
    await this.#ask('POST', `/api/models/${model}/versions`, JSON.stringify(request), 'application/json');
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
    this.#child.kill('SIGTERM');
    await once(this.#child, 'exit');
    rmSync(this.#data, { recursive: true, force: true });
  }
}

interface Addresses {
  dataPlane: string;
  /** host:port */
  grpc: string;
  control: string;
}

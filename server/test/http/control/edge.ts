import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { Control } from '../../../src/control/control.ts';
import { Reproduction } from '../../../src/control/reproduction.ts';
import { Views } from '../../../src/control/views.ts';
import { ChangeStream } from '../../../src/http/control/events.ts';
import { controlServer } from '../../../src/http/control/server.ts';
import { Keys } from '../../../src/http/keys.ts';
import { Finder } from '../../../src/journal/find.ts';
import { layout } from '../../../src/layout.ts';
import { StateReader } from '../../../src/loops/reader.ts';
import { UpdateHistory } from '../../../src/loops/update-history.ts';

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** Control's HTTP edge over a real control and a real registry, in this process; nothing else runs. */
export class Edge {
  readonly folder: string;
  readonly control: Control;
  readonly port: number;
  readonly #end: () => Promise<void>;

  private constructor(folder: string, control: Control, port: number, end: () => Promise<void>) {
    this.folder = folder;
    this.control = control;
    this.port = port;
    this.#end = end;
  }

  static async start(options: { keys?: string; uploadLimit?: number } = {}): Promise<Edge> {
    const folder = mkdtempSync(join(tmpdir(), 'slipway-edge-'));
    const places = layout(folder);
    const keyFile = options.keys === undefined ? null : join(folder, 'keys');
    if (keyFile) writeFileSync(keyFile, options.keys!);
    const changes = new ChangeStream();
    const control = new Control({
      onScorers: () => {},
      layout: places,
      bounds: { milliseconds: 30_000, bytes: 2 ** 30 },
      now: Date.now,
      onChanged: (topics) => changes.changed(topics),
    });
    await control.open();
    const state = new StateReader(places.state);
    const finder = new Finder(places.journal);
    const app = await controlServer(
      {
        control,
        views: new Views(control.registry, state, finder),
        reproduction: new Reproduction(
          control.registry,
          control.blobs,
          finder,
          new UpdateHistory(places.state),
        ),
        changes,
        log: pino({ level: 'silent' }),
        uploadLimit: options.uploadLimit ?? 1024 * 1024,
        facts: { version: '0', startedAt: 0, dataFolder: folder, dataPlane: '', grpc: '', control: '' },
        processes: async () => [],
        ready: () => true,
      },
      new Keys(keyFile, null),
      null,
      () => (app.server.address() as AddressInfo).port,
    );
    await new Promise<void>((resolve) => app.server.listen(0, '127.0.0.1', resolve));
    return new Edge(folder, control, (app.server.address() as AddressInfo).port, async () => {
      changes.close();
      await app.close();
      control.close();
      state.close();
    });
  }

  async end(): Promise<void> {
    await this.#end();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Exactly this path and these headers: clients that tidy URLs would hide what is tested. */
  send(
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: string | Buffer,
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          host: '127.0.0.1',
          port: this.port,
          method,
          path,
          agent: false,
          headers: body === undefined ? headers : { ...headers, 'content-length': Buffer.byteLength(body) },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text: Buffer.concat(chunks).toString(),
            }),
          );
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  json(method: string, path: string, body: unknown): Promise<Answer> {
    return this.send(method, path, { 'content-type': 'application/json' }, JSON.stringify(body));
  }
}

export function errorOf(answer: Answer): { code: string; message: string; hint: string } {
  return (JSON.parse(answer.text) as { error: { code: string; message: string; hint: string } }).error;
}

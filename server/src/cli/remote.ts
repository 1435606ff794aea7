import { createReadStream, statSync } from 'node:fs';
import { request } from 'node:http';
import { request as requestTls } from 'node:https';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { SlipwayError, toSlipwayError } from '../errors.ts';

/** A running Slipway's control address, and the key to it. */
export interface Remote {
  server: string;
  key: string | undefined;
}

/** Asks control (or, with a full URL, the data plane). Throws the server's own coded error, or SERVER_UNREACHABLE. */
export function ask<T>(remote: Remote, method: string, path: string, body?: unknown): Promise<T> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  return send<T>(remote, method, path, 'application/json', text);
}

/** Uploads a file as it is; returns its name and digest. */
export async function upload(remote: Remote, file: string): Promise<{ name: string; digest: string }> {
  let size: number;
  try {
    const stat = statSync(file);
    if (!stat.isFile()) throw new Error('it is not a file');
    size = stat.size;
  } catch (error) {
    throw new SlipwayError(
      'INVALID_REQUEST',
      `${file} cannot be read: ${(error as Error).message}.`,
      'Check the path.',
    );
  }
  const { digest } = await send<{ digest: string }>(
    remote,
    'PUT',
    '/api/uploads',
    'application/octet-stream',
    createReadStream(file),
    size,
  );
  return { name: basename(file), digest };
}

function send<T>(
  remote: Remote,
  method: string,
  path: string,
  type: string,
  body?: string | Readable,
  size?: number,
): Promise<T> {
  const url = new URL(path, remote.server);
  const headers: Record<string, string | number> = {};
  if (remote.key) headers.authorization = `Bearer ${remote.key}`;
  if (body !== undefined) {
    headers['content-type'] = type;
    headers['content-length'] = size ?? Buffer.byteLength(body as string);
  }
  return new Promise((resolve, reject) => {
    const outgoing = (url.protocol === 'https:' ? requestTls : request)(
      url,
      { method, headers },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          let parsed: unknown;
          try {
            parsed = JSON.parse(Buffer.concat(chunks).toString());
          } catch {
            reject(
              new SlipwayError(
                'SERVER_UNREACHABLE',
                `${url.origin} did not answer as Slipway does (status ${response.statusCode}).`,
              ),
            );
            return;
          }
          if ((response.statusCode ?? 500) < 400) resolve(parsed as T);
          else reject(toSlipwayError((parsed as { error?: unknown }).error));
        });
      },
    );
    outgoing.on('error', (error: NodeJS.ErrnoException) =>
      reject(
        new SlipwayError(
          'SERVER_UNREACHABLE',
          `No Slipway answers at ${url.origin} (${error.code ?? error.message}).`,
        ),
      ),
    );
    if (body === undefined || typeof body === 'string') outgoing.end(body);
    else body.pipe(outgoing);
  });
}
